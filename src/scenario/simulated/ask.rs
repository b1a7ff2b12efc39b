//! Searches and downloads: they are ordered, what comes of them is collected, and their rows are
//! written.

use std::time::Duration;

use super::stage::{Fetch, Stage, micros};
use crate::node::config::Strategy;
use crate::node::io::{DownloadId, DownloadRequest, DownloadState, SearchId, SearchQuery, Source};
use crate::node::{Command, Event};
use crate::scenario::file::strategy_name;
use crate::scenario::report::{Download, Query};
use crate::sim::{NodeId, SharedFile};

/// A search that goes on.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) node: NodeId,
    pub(super) search: SearchId,
    /// The row, as far as it is known when the search begins; its place among the rows.
    row: Query,
    pub(super) place: usize,
    /// Who shares a match.
    truth: Vec<NodeId>,
}

/// What is asked, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    pub(super) ttl: Option<u8>,
    pub(super) strategy: Option<Strategy>,
    pub(super) wanted: Option<u32>,
}

/// Points of [`Query::results_over_time`] at most.
const POINTS_MAX: usize = 100;
/// A search older than that has brought what it will bring.
const OLD: Duration = Duration::from_secs(300);

impl Stage<'_> {
    /// Has a node search.
    pub(super) fn ask(&mut self, node: NodeId, text: &str, how: How, label: Option<&str>) {
        self.harvest_old();
        let groups = self.groups_of(node);
        let config = self.config(self.is_leaf(node), &groups);
        let place = self.rows.len();
        let search = SearchId(place as u64 + 1);
        let mut truth = self.truth(text);
        truth.retain(|&other| other != node);
        let row = Query {
            label: label.map(str::to_owned),
            text: text.to_owned(),
            origin: node.0,
            strategy: strategy_name(how.strategy.unwrap_or(config.strategy)),
            at_us: self.now_us(),
            truth: truth.len() as u64,
            ..Query::default()
        };
        self.rows.push(None);
        self.asked.push(Asked { node, search, row, place, truth });
        let query = SearchQuery {
            text: text.to_owned(),
            ttl: Some(how.ttl.unwrap_or(config.query_ttl_default)),
            results_max: how.wanted,
            strategy: how.strategy,
            ..SearchQuery::default()
        };
        self.world.command(node, Command::Search { search, query });
    }

    fn groups_of(&self, node: NodeId) -> Vec<usize> {
        let groups = self.scenario.groups.iter().enumerate();
        let is_in = |name: &str| {
            self.groups.get(name).is_some_and(|members| members.binary_search(&node).is_ok())
        };
        groups.filter(|(_, group)| is_in(&group.name)).map(|(at, _)| at).collect()
    }

    /// Has a node download a file.
    pub(super) fn fetch(&mut self, node: NodeId, name: &str, from: &[NodeId], label: Option<&str>) {
        let Some((shared, corpus_file)) = self.file_of(name) else {
            return self.happened(format!("nobody shares {name}: it is not downloaded"));
        };
        let entry = &shared.entry;
        let source = |&node: &NodeId| Source {
            index: Some(entry.index.0),
            name: Some(entry.name.clone()),
            servent: Some(self.world.servent(node)),
            ..Source::at(self.world.address(node))
        };
        let request = DownloadRequest {
            name: entry.name.clone(),
            size: Some(entry.size),
            sha1: entry.sha1,
            sources: from.iter().map(source).collect(),
        };
        let row = Download {
            label: label.map(str::to_owned),
            file: entry.name.clone(),
            node: node.0,
            at_us: self.now_us(),
            have_bytes: 0,
            size_bytes: entry.size,
            took_us: None,
            equal: None,
        };
        let content = Some(shared.content);
        self.fetches.push(Fetch { row, content, corpus_file });
        let download = DownloadId(self.fetches.len() as u64);
        self.world.command(node, Command::Download { download, request });
    }

    /// The file of a name, and its number if it is of the corpus.
    fn file_of(&self, name: &str) -> Option<(SharedFile, Option<u32>)> {
        if let Some(named) = self.named.iter().find(|named| named.file.entry.name == name) {
            return Some((named.file.clone(), None));
        }
        let holdings = self.holdings.as_ref()?;
        let files = holdings.catalogue().matches(name);
        let file = files.into_iter().find(|&file| holdings.catalogue().name(file) == name)?;
        Some((holdings.shared_file(file), Some(file)))
    }

    /// Takes what a node said: how its downloads go.
    pub(super) fn listen(&mut self, node: NodeId) {
        for (at, event) in self.world.events(node) {
            let Event::Download { download, progress } = event else { continue };
            let Some(number) = usize::try_from(download.0).ok().and_then(|n| n.checked_sub(1))
            else {
                continue;
            };
            let Some(fetch) = self.fetches.get_mut(number) else { continue };
            fetch.row.have_bytes = progress.have;
            if progress.state == DownloadState::Done && fetch.row.took_us.is_none() {
                let at_us = micros(at.since(self.began));
                fetch.row.took_us = Some(at_us.saturating_sub(fetch.row.at_us));
                self.fetched(node, number);
            }
        }
    }

    /// A download is done: its bytes are held against the original's, and the node shares the file
    /// if others wait for it to become popular.
    fn fetched(&mut self, node: NodeId, fetch: usize) {
        let fetch = &mut self.fetches[fetch];
        let size = fetch.row.size_bytes;
        let original = fetch.content.map(|content| crate::sim::disk::content(content, 0..size));
        let finished = self.world.disk(node).finished(&fetch.row.file);
        fetch.row.equal = Some(finished.is_some() && finished == original.as_deref());
        if let (Some(file), Some(holdings)) = (fetch.corpus_file, self.holdings.as_mut())
            && fetch.row.equal == Some(true)
        {
            holdings.give(node, file);
            let shared = holdings.shared_file(file);
            self.world.share(node, shared);
        }
    }

    /// Writes the rows of searches that are over; all with `Duration::ZERO`.
    pub(super) fn harvest(&mut self, older_than: Duration) {
        let now_us = self.now_us();
        let old_us = micros(older_than);
        let is_over = |asked: &Asked| now_us.saturating_sub(asked.row.at_us) >= old_us;
        let over = self.asked.iter().take_while(|asked| is_over(asked)).count();
        let over = over.max(self.asked.len().saturating_sub(self.followed_max));
        for asked in self.asked.drain(..over).collect::<Vec<_>>() {
            self.rows[asked.place] = Some(self.row(&asked));
            self.draw_first(&asked);
            self.world.forget_search(asked.node, asked.search);
        }
    }

    fn harvest_old(&mut self) {
        let is_old = self
            .asked
            .first()
            .is_some_and(|asked| self.now_us().saturating_sub(asked.row.at_us) > micros(OLD));
        if is_old || self.asked.len() > self.followed_max {
            self.harvest(OLD);
        }
    }

    /// The row of a search as it is now.
    pub(super) fn row(&self, asked: &Asked) -> Query {
        let mut record = self.world.search_record(asked.node, asked.search);
        record.judge(&asked.truth);
        if record.results_over_time.len() > POINTS_MAX {
            let last = record.results_over_time.pop();
            record.results_over_time.truncate(POINTS_MAX - 1);
            record.results_over_time.extend(last);
        }
        Query {
            ttl: record.ttl,
            messages: record.messages,
            bytes: record.bytes,
            duplicates: record.duplicates,
            reached: record.reached,
            reached_by_hop: record.reached_by_hop,
            hit_messages: record.hit_messages,
            hits: record.hits,
            results: record.results,
            answered_by: record.found_at.len() as u64,
            recall: record.recall,
            first_hit_us: record.first_hit_us,
            last_hit_us: record.last_hit_us,
            results_over_time: record.results_over_time,
            ..asked.row.clone()
        }
    }

    /// Keeps the flood of the first search that reached somebody, to be drawn.
    fn draw_first(&mut self, asked: &Asked) {
        let reached = self.rows[asked.place].as_ref().is_some_and(|row| row.reached > 0);
        if self.draw && self.flood.is_none() && reached {
            self.flood = self.drawing(asked);
            self.world.follow_copies(false);
        }
    }
}
