//! The last searches with their results: grouped by content, numbered, sorted.
//!
//! The numbers of results count from 1 in each search and never change, so that a person can say
//! "get 3". The last search outlives the servent in a file: number 3 can also be fetched later.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use super::types::{
    FileRequest, FileResult, ResultNumber, ResultSource, Search, SearchPage, Source,
};
use crate::node::io::{Hit, SearchEnd};
use crate::wire::magnet::Magnet;
use crate::wire::{Guid, Sha1};

/// Searches that are kept; the oldest makes room.
const SEARCHES_KEPT_MAX: usize = 32;
/// Further addresses kept for one result.
const ALTERNATES_MAX: usize = 32;
/// The id of the last search of an earlier run; those of this run count from 1.
pub(super) const EARLIER: u64 = 0;

/// The searches that are kept, the last one at the end.
#[derive(Debug, Default)]
pub(super) struct Searches(VecDeque<Kept>);

#[derive(Debug)]
struct Kept {
    search: Search,
    results: Vec<FileResult>,
    places: HashMap<Content, usize>,
}

/// What makes two hits the same result.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Content {
    Hash(Sha1),
    NameAndSize(String, u64),
}

impl Content {
    fn of(name: &str, size: u64, sha1: Option<Sha1>) -> Content {
        sha1.map_or_else(|| Content::NameAndSize(name.to_owned(), size), Content::Hash)
    }
}

impl Searches {
    /// Keeps a search from its beginning on.
    pub(super) fn begin(&mut self, search: Search) {
        if self.0.len() == SEARCHES_KEPT_MAX {
            // One that has ended, if possible: of the others somebody may still be waiting.
            let ended = self.0.iter().position(|kept| kept.search.ended.is_some());
            self.0.remove(ended.unwrap_or(0));
        }
        self.0.push_back(Kept { search, results: Vec::new(), places: HashMap::new() });
    }

    /// Takes the last search of an earlier run, as [`Searches::last`] gave it.
    pub(super) fn restore(&mut self, mut page: SearchPage) {
        page.search.id = EARLIER;
        page.search.ended.get_or_insert(SearchEnd::Stopped);
        let mut kept = Kept { search: page.search, results: page.results, places: HashMap::new() };
        kept.results.iter_mut().for_each(|result| result.search = EARLIER);
        self.0.push_back(kept);
    }

    /// All searches, the last one first.
    pub(super) fn all(&self) -> Vec<Search> {
        self.0.iter().rev().map(|kept| kept.search.clone()).collect()
    }

    /// How many are under way.
    pub(super) fn running(&self) -> usize {
        self.0.iter().filter(|kept| kept.search.ended.is_none()).count()
    }

    /// The search and those of its results that changed after revision `after`.
    pub(super) fn page(&self, id: u64, after: u64) -> Option<SearchPage> {
        self.0.iter().find(|kept| kept.search.id == id).map(|kept| kept.page(after))
    }

    /// The last search with all its results.
    pub(super) fn last(&self) -> Option<SearchPage> {
        self.0.back().map(|kept| kept.page(0))
    }

    /// The result of this number.
    pub(super) fn result(&self, which: ResultNumber) -> Option<&FileResult> {
        let kept = match which.search {
            Some(id) => self.0.iter().find(|kept| kept.search.id == id),
            None => self.0.back(),
        };
        kept?.results.get((which.number as usize).checked_sub(1)?)
    }

    /// Takes hits in; gives the results that they made or changed. Hits of a search that is not
    /// kept are none of ours.
    pub(super) fn found(&mut self, id: u64, hits: &[Hit]) -> Vec<FileResult> {
        let Some(kept) = self.0.iter_mut().find(|kept| kept.search.id == id) else {
            return Vec::new();
        };
        let revision = kept.search.revision + 1;
        for hit in hits {
            kept.take(hit, revision);
        }
        let changed = kept.page(revision - 1).results;
        if !changed.is_empty() {
            kept.search.revision = revision;
        }
        changed
    }

    /// Notes how far a search has reached by now.
    pub(super) fn reached(&mut self, id: u64, asked: u32, reach: u64) {
        if let Some(kept) = self.0.iter_mut().find(|kept| kept.search.id == id) {
            kept.search.neighbours_asked = asked;
            kept.search.reach_guess = reach;
        }
    }

    /// Notes that a search asks with this query.
    pub(super) fn asks(&mut self, id: u64, query: Guid) {
        if let Some(kept) = self.0.iter_mut().find(|kept| kept.search.id == id) {
            kept.search.queries.push(query);
        }
    }

    /// Notes that a search has ended; gives it if that was not known.
    pub(super) fn ended(&mut self, id: u64, end: SearchEnd) -> Option<Search> {
        let kept = self.0.iter_mut().find(|kept| kept.search.id == id)?;
        if kept.search.ended.is_some() {
            return None;
        }
        kept.search.ended = Some(end);
        Some(kept.search.clone())
    }
}

impl Kept {
    fn page(&self, after: u64) -> SearchPage {
        let changed = self.results.iter().filter(|result| result.revision > after);
        SearchPage { search: self.search.clone(), results: changed.cloned().collect() }
    }

    fn take(&mut self, hit: &Hit, revision: u64) {
        self.search.hits += 1;
        let place = self.places.entry(Content::of(&hit.name, hit.size, hit.sha1));
        let place = *place.or_insert_with(|| {
            self.search.results += 1;
            self.results.push(FileResult {
                search: self.search.id,
                number: self.search.results,
                revision,
                name: hit.name.clone(),
                size: hit.size,
                sha1: hit.sha1,
                magnet: None,
                sources: Vec::new(),
                alternates: Vec::new(),
                created_at_s: None,
                suspicious: true,
            });
            self.results.len() - 1
        });
        if let Some(result) = self.results.get_mut(place)
            && add_source(result, hit)
        {
            result.revision = revision;
        }
    }
}

/// Adds what a hit says to its result; whether that was new.
fn add_source(result: &mut FileResult, hit: &Hit) -> bool {
    let same = |known: &ResultSource| {
        known.source.address == hit.source.address
            && known.source.servent == hit.source.servent
            && known.source.index == hit.source.index
    };
    if result.sources.iter().any(same) {
        return false;
    }
    let mut source = Source::from(hit.source.clone());
    source.name.get_or_insert_with(|| hit.name.clone());
    result.sources.push(ResultSource {
        source,
        busy: hit.busy,
        speed_kbit_s: hit.speed_kbit_s,
        vendor: hit.vendor.clone(),
        hops: hit.hops,
        after_us: hit.after_us,
    });
    result.sources.sort_by_key(|s| {
        (s.source.firewalled, s.busy, s.hops, Reverse(s.speed_kbit_s), s.after_us)
    });
    result.created_at_s = result.created_at_s.or(hit.created_at_s);
    result.suspicious &= hit.suspicious;
    for &address in &hit.alternates {
        if result.alternates.len() < ALTERNATES_MAX && !result.alternates.contains(&address) {
            result.alternates.push(address);
        }
    }
    if let Some(name) = result.sources.first().and_then(|best| best.source.name.as_ref()) {
        result.name.clone_from(name);
    }
    result.magnet = magnet(result);
    true
}

fn magnet(result: &FileResult) -> Option<String> {
    let sha1 = Some(result.sha1?);
    let (name, size) = (Some(result.name.clone()), Some(result.size));
    Some(Magnet { sha1, name, size, ..Magnet::default() }.to_string())
}

/// A download of this result from everybody who has it.
pub(super) fn request_of(result: &FileResult) -> FileRequest {
    let known = result.sources.iter().map(|known| known.source.clone());
    let said = result.alternates.iter().map(|&address| Source::at(address));
    FileRequest {
        name: result.name.clone(),
        size: Some(result.size),
        sha1: result.sha1,
        sources: known.chain(said).collect(),
    }
}

#[cfg(test)]
mod tests;
