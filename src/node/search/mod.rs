//! Our own searches, and our answers to those of others.

pub(crate) mod answer;
pub(crate) mod dynamic;
pub(crate) mod near;
pub(crate) mod pace;
pub(crate) mod results;
pub(crate) mod ring;
mod suspicion;
pub(crate) mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::io::{DownloadId, SearchEnd, SearchId, SearchQuery};
use super::rare::Rare;
use super::{Config, Time};
use crate::library::{FileKind, words};
use crate::wire::query::{self, QueryOut};
use crate::wire::{Guid, QueryFlags, QueryWants, Sha1};
use results::Filter;
use ring::Ring;

/// How far an ultrapeer's search for what is new goes, as gtk-gnutella does it; a leaf's one more.
const WHATS_NEW_TTL: u8 = 2;

/// For whom a search runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asker {
    /// The user.
    User(SearchId),
    /// A download without sources.
    Download(DownloadId),
}

/// A search under way.
#[derive(Debug)]
pub(crate) struct Search {
    /// Names its query on the network; hits carry the same.
    pub(crate) guid: Guid,
    /// The payload of its query; none if one host is browsed.
    pub(crate) payload: Option<Box<[u8]>>,
    /// How far the query goes.
    pub(crate) ttl: u8,
    /// Whether its hits may be offered by UDP: its GUID says where.
    pub(crate) out_of_band: bool,
    /// Whether a neighbour that comes later is sent the query as it was sent to all.
    pub(crate) asks_newcomers: bool,
    /// How far it has come if it is an expanding ring.
    pub(crate) ring: Option<Ring>,
    /// What is wanted of the results.
    pub(crate) filter: Filter,
    /// The words, as they were typed.
    pub(crate) text: Box<str>,
    /// When it began.
    pub(crate) began: Time,
    /// Neighbours that were asked.
    pub(crate) asked: u32,
    /// Servents that were probably asked: see [`Search::ask`].
    pub(crate) reach: u64,
    /// Results handed on.
    pub(crate) results: u32,
    /// Results that were told of by those who have them, ahead of their hits (random walks).
    pub(crate) told: u32,
    /// GUIDs under which it asked before: late hits count.
    earlier: Vec<Guid>,
    by_hash: bool,
    results_max: u32,
    enough: u32,
    heard: Time,
    /// Servent and file number of each result: the same one may come by several ways.
    known: BTreeSet<(Guid, u32)>,
}

impl Search {
    /// One more neighbour gets the query, and behind it lie so many servents, guessed.
    pub(crate) fn ask(&mut self, reach: u64) {
        self.asked += 1;
        self.reach = self.reach.saturating_add(reach);
    }

    /// A neighbour that was asked before is asked to pass the query on farther.
    pub(crate) fn reaches_further(&mut self, reach: u64) {
        self.reach = self.reach.saturating_add(reach);
    }

    /// How many results it takes in all.
    pub(crate) fn wanted(&self) -> u32 {
        self.results_max
    }

    /// With how many results a strategy that goes on until there are some is content.
    pub(crate) fn enough(&self) -> u32 {
        self.enough
    }

    /// Whether it seeks one content.
    pub(crate) fn is_by_hash(&self) -> bool {
        self.by_hash
    }

    /// Takes note of a result; false if it is known.
    pub(crate) fn is_new(&mut self, servent: Guid, index: u32) -> bool {
        self.known.insert((servent, index))
    }

    /// So many results more are handed on; says whether that is enough.
    pub(crate) fn found(&mut self, results: usize, now: Time) -> bool {
        self.heard = now;
        self.results = self.results.saturating_add(u32::try_from(results).unwrap_or(u32::MAX));
        self.results >= self.results_max
    }

    /// How many results it still takes.
    pub(crate) fn room(&self) -> usize {
        self.results_max.saturating_sub(self.results) as usize
    }

    fn ends_at(&self, config: &Config) -> Time {
        self.heard + Duration::from_secs(u64::from(config.search_lifetime_s))
    }
}

/// All searches under way.
#[derive(Debug, Default)]
pub(crate) struct Searches {
    all: Rare<BTreeMap<Asker, Search>>,
    by_guid: Rare<BTreeMap<Guid, Asker>>,
}

/// How answers can reach us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Means {
    /// Whether we cannot be connected to.
    pub(crate) firewalled: bool,
    /// Whether hits can be offered by UDP; the GUID of the query names our address.
    pub(crate) out_of_band: bool,
    /// Whether we tell our ultrapeers how many hits we have kept.
    pub(crate) guides: bool,
}

/// Why a search did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// It ends at once, so.
    Ends(SearchEnd),
    /// There are too many.
    TooMany,
}

impl Searches {
    /// Begins a search and gives its query. `flags` say what we are.
    pub(crate) fn begin(
        &mut self,
        asker: Asker,
        query: &SearchQuery,
        guid: Guid,
        means: Means,
        now: Time,
        config: &Config,
    ) -> Result<&mut Search, NotBegun> {
        let payload = encode(query, means, config);
        let payload = payload.ok_or(NotBegun::Ends(SearchEnd::NothingToMatch))?;
        // Everybody answers what is new: not from far away.
        let near = WHATS_NEW_TTL + u8::from(means.guides);
        let usual = if query.whats_new { near } else { config.query_ttl_default };
        let ttl = query.ttl.unwrap_or(usual).clamp(1, config.ttl_and_hops_max.max(1));
        let mut search = empty(guid, now, config);
        search.payload = Some(payload);
        search.ttl = ttl;
        search.out_of_band = means.out_of_band;
        search.by_hash = query.sha1.is_some();
        search.filter = Filter::new(query);
        search.text = query.text.trim().into();
        search.enough = query.results_max.unwrap_or(1).max(1);
        search.results_max =
            query.results_max.unwrap_or(u32::MAX).clamp(1, config.results_per_search_max);
        self.insert(asker, search, config)
    }

    /// Begins the browsing of a host: its hits come over a connection of their own.
    pub(crate) fn begin_browse(
        &mut self,
        id: SearchId,
        guid: Guid,
        now: Time,
        config: &Config,
    ) -> Result<&mut Search, NotBegun> {
        self.insert(Asker::User(id), empty(guid, now, config), config)
    }

    fn insert(
        &mut self,
        asker: Asker,
        search: Search,
        config: &Config,
    ) -> Result<&mut Search, NotBegun> {
        self.end(asker);
        if self.all.len() >= usize::from(config.searches_max) {
            return Err(NotBegun::TooMany);
        }
        let guid = search.guid;
        self.by_guid.change(|by_guid| by_guid.insert(guid, asker));
        self.all.change(|all| all.insert(asker, search));
        self.get_mut(asker).ok_or(NotBegun::TooMany)
    }

    /// Ends a search.
    pub(crate) fn end(&mut self, asker: Asker) -> Option<Search> {
        self.all.get(&asker)?;
        let search = self.all.change(|all| all.remove(&asker))?;
        for guid in search.earlier.iter().chain([&search.guid]) {
            self.by_guid.change(|by_guid| by_guid.remove(guid));
        }
        Some(search)
    }

    /// The search asks anew, under this GUID; hits for what it asked before still come home.
    pub(crate) fn asks_as(&mut self, asker: Asker, guid: Guid) {
        if let Some(search) = self.get_mut(asker) {
            search.earlier.push(std::mem::replace(&mut search.guid, guid));
            self.by_guid.change(|by_guid| by_guid.insert(guid, asker));
        }
    }

    /// An expanding ring whose hits have been awaited for long enough.
    pub(crate) fn take_ring_due(&mut self, now: Time) -> Option<Asker> {
        self.iter_mut().find_map(|(asker, search)| {
            let ring = search.ring.as_mut().filter(|ring| ring.due <= now)?;
            ring.due = Time::NEVER;
            Some(asker)
        })
    }

    /// Ends a search that has heard nothing for too long.
    pub(crate) fn take_due(&mut self, now: Time, config: &Config) -> Option<(Asker, Search)> {
        let due =
            |(&asker, search): (&Asker, &Search)| (search.ends_at(config) <= now).then_some(asker);
        let asker = self.all.iter().find_map(due)?;
        Some((asker, self.end(asker)?))
    }

    /// When the next one ends for hearing nothing, or goes on.
    pub(crate) fn deadline(&self, config: &Config) -> Time {
        let due = |search: &Search| {
            search.ends_at(config).min(search.ring.map_or(Time::NEVER, |ring| ring.due))
        };
        self.all.values().map(due).min().unwrap_or(Time::NEVER)
    }

    /// The search whose query has this GUID.
    pub(crate) fn by_guid(&mut self, guid: &Guid) -> Option<(Asker, &mut Search)> {
        let asker = *self.by_guid.get(guid)?;
        Some((asker, self.get_mut(asker)?))
    }

    /// The search of this asker.
    pub(crate) fn get_mut(&mut self, asker: Asker) -> Option<&mut Search> {
        self.all.get_mut()?.get_mut(&asker)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Asker, &Search)> {
        self.all.iter().map(|(&asker, search)| (asker, search))
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Asker, &mut Search)> {
        self.all.get_mut().into_iter().flatten().map(|(&asker, search)| (asker, search))
    }
}

fn empty(guid: Guid, now: Time, config: &Config) -> Search {
    Search {
        guid,
        payload: None,
        ttl: 0,
        out_of_band: false,
        asks_newcomers: false,
        ring: None,
        earlier: Vec::new(),
        enough: 1,
        by_hash: false,
        filter: Filter::default(),
        text: Box::default(),
        began: now,
        asked: 0,
        reach: 0,
        results: 0,
        told: 0,
        results_max: config.results_per_search_max,
        heard: now,
        known: BTreeSet::new(),
    }
}

/// How many results a dynamic query seeks that would otherwise seek `usual`.
pub(crate) fn wanted_of(by_hash: bool, usual: u32) -> u32 {
    if by_hash { usual.min(pace::HASH_RESULTS) } else { usual }
}

/// The payload of a query; none if nothing in it can be matched or it would be too large.
fn encode(query: &SearchQuery, means: Means, config: &Config) -> Option<Box<[u8]>> {
    let text = if query.whats_new { suspicion::WHATS_NEW_TEXT } else { query.text.trim() };
    if query.sha1.is_none() && !answer::has_searchable_word(text) {
        return None;
    }
    let sha1s: &[Sha1] = query.sha1.as_slice();
    let flag = |set, flag| if set { flag } else { QueryFlags::default() };
    let flags = QueryFlags::GGEP_HASH
        | flag(means.firewalled, QueryFlags::FIREWALLED)
        | flag(means.out_of_band, QueryFlags::OUT_OF_BAND)
        | flag(means.guides, QueryFlags::LEAF_GUIDED);
    let wants = QueryWants {
        whats_new: query.whats_new,
        media: query.kind.map(FileKind::media),
        families: config.families(),
        secure: means.out_of_band,
        ..QueryWants::default()
    };
    let out = QueryOut { flags, text, sha1s, wants };
    let mut payload = Vec::new();
    query::encode(&out, &mut payload);
    (payload.len() <= config.query_bytes_max as usize).then(|| payload.into_boxed_slice())
}

/// Whether a name has one of these words.
fn has_word(name: &str, wanted: &[String]) -> bool {
    let name = words::fold(name);
    wanted.iter().any(|wanted| {
        let wanted = words::fold(wanted);
        let mut all = words::of(&wanted).peekable();
        all.peek().is_some() && all.all(|word| words::of(&name).any(|other| other == word))
    })
}
