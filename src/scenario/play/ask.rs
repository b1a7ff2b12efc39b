//! Searches and downloads: they are ordered, what comes of them is collected, and their rows are
//! written.

use std::time::Duration;

use super::{Outcome, Play, Stage, micros};
use crate::node::config::Strategy;
use crate::node::io::{DownloadId, SearchId, SearchQuery};
use crate::scenario::file::strategy_name;
use crate::scenario::report::{Download, Query};
use crate::sim::NodeId;

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

/// A download that was ordered.
pub(super) struct Fetch {
    pub(super) row: Download,
    corpus_file: Option<u32>,
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

impl<S: Stage> Play<'_, S> {
    /// Has a node search.
    pub(super) fn ask(
        &mut self,
        node: NodeId,
        text: &str,
        how: How,
        label: Option<&str>,
    ) -> Outcome {
        self.harvest_old()?;
        let config = self.cast.config_of(node);
        let place = self.rows.len();
        let search = SearchId(place as u64 + 1);
        let mut truth = self.cast.truth(text);
        let nodes = self.stage.nodes();
        truth.retain(|&other| other.0 < nodes && other != node && self.stage.is_alive(other));
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
        self.stage.ask(node, search, query)
    }

    /// Has a node download a file.
    pub(super) fn fetch(
        &mut self,
        node: NodeId,
        name: &str,
        from: &[NodeId],
        label: Option<&str>,
    ) -> Outcome {
        let Some((shared, corpus_file)) = self.cast.file_of(name) else {
            self.happened(format!("nobody shares {name}: it is not downloaded"));
            return Ok(());
        };
        let row = Download {
            label: label.map(str::to_owned),
            file: shared.entry.name.clone(),
            node: node.0,
            at_us: self.now_us(),
            have_bytes: 0,
            size_bytes: shared.entry.size,
            took_us: None,
            equal: None,
        };
        self.fetches.push(Fetch { row, corpus_file });
        let download = DownloadId(self.fetches.len() as u64);
        self.stage.fetch(node, download, &shared, from)
    }

    /// Takes down how downloads go. A node that has got a file of the corpus shares it if it is the
    /// original: others wait for it to become popular.
    pub(super) fn listen(&mut self) -> Outcome {
        for arrival in self.stage.arrivals()? {
            let number = usize::try_from(arrival.download.0).ok().and_then(|n| n.checked_sub(1));
            let Some(fetch) = number.and_then(|number| self.fetches.get_mut(number)) else {
                continue;
            };
            fetch.row.have_bytes = arrival.have_bytes;
            let Some((at, equal)) = arrival.done.filter(|_| fetch.row.took_us.is_none()) else {
                continue;
            };
            fetch.row.took_us = Some(micros(at).saturating_sub(fetch.row.at_us));
            fetch.row.equal = Some(equal);
            if let (Some(file), Some(holdings), true) =
                (fetch.corpus_file, self.cast.holdings.as_mut(), equal)
            {
                holdings.give(arrival.node, file);
                let shared = holdings.shared_file(file);
                self.stage.share(arrival.node, shared)?;
            }
        }
        Ok(())
    }

    /// Writes the rows of searches that are over; all with `Duration::ZERO`.
    pub(super) fn harvest(&mut self, older_than: Duration) -> Outcome {
        let now_us = self.now_us();
        let old_us = micros(older_than);
        let is_over = |asked: &Asked| now_us.saturating_sub(asked.row.at_us) >= old_us;
        let over = self.asked.iter().take_while(|asked| is_over(asked)).count();
        let early = self.asked.len().saturating_sub(self.stage.followed_max() + over);
        if early > 0 && !self.cut_short {
            self.cut_short = true;
            let many = self.stage.followed_max();
            let age_us = self.asked.get(over).map_or(0, |asked| now_us - asked.row.at_us);
            self.happened(format!(
                "searches are measured {} s after they began: {many} are followed at once",
                age_us / 1_000_000
            ));
        }
        let over = over + early;
        for asked in self.asked.drain(..over).collect::<Vec<_>>() {
            self.rows[asked.place] = Some(self.row(&asked)?);
            self.draw_first(&asked)?;
            self.stage.forget(asked.node, asked.search)?;
        }
        Ok(())
    }

    fn harvest_old(&mut self) -> Outcome {
        let is_old = self
            .asked
            .first()
            .is_some_and(|asked| self.now_us().saturating_sub(asked.row.at_us) > micros(OLD));
        if is_old || self.asked.len() > self.stage.followed_max() {
            self.harvest(OLD)?;
        }
        Ok(())
    }

    /// The rows of all searches, of those that go on as they are now.
    pub(super) fn rows_so_far(&mut self) -> Outcome<Vec<Query>> {
        self.listen()?;
        let mut rows = self.rows.clone();
        for asked in self.asked.clone() {
            rows[asked.place] = Some(self.row(&asked)?);
        }
        Ok(rows.into_iter().flatten().collect())
    }

    /// The row of a search as it is now.
    fn row(&mut self, asked: &Asked) -> Outcome<Query> {
        let mut record = self.stage.record(asked.node, asked.search)?;
        record.judge(&asked.truth);
        if record.results_over_time.len() > POINTS_MAX {
            let last = record.results_over_time.pop();
            record.results_over_time.truncate(POINTS_MAX - 1);
            record.results_over_time.extend(last);
        }
        Ok(Query {
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
        })
    }

    /// Keeps the flood of the first search that reached somebody, to be drawn.
    fn draw_first(&mut self, asked: &Asked) -> Outcome {
        let reached = self.rows[asked.place].as_ref().is_some_and(|row| row.reached > 0);
        if self.draw && self.flood.is_none() && reached {
            self.flood = self.drawing(asked)?;
            self.stage.follow_copies(false);
        }
        Ok(())
    }
}
