//! What is told of a download.

use std::time::Duration;

use super::{Download, Phase};
use crate::node::io::{DownloadState, Event, Progress};
use crate::node::transfer::source::Source;
use crate::node::transfer::turn::Turn;
use crate::node::transfer::view::DownloadView;
use crate::node::{Config, Time};

impl Download {
    pub(in crate::node::transfer) fn view(&self) -> DownloadView {
        DownloadView {
            id: self.id,
            name: self.name.clone(),
            sha1: self.sha1,
            progress: self.progress(),
            sources: self.sources.iter().map(Source::view).collect(),
        }
    }

    pub(super) fn state(&self) -> DownloadState {
        match self.phase {
            Phase::Ended(state) => state,
            Phase::Finishing => DownloadState::Verifying,
            _ if self.sources.iter().any(Source::transferring) => DownloadState::Transferring,
            _ if self.sources.iter().any(Source::usable) => DownloadState::Waiting,
            _ => DownloadState::Searching,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let count = |which: fn(&Source) -> bool| {
            u32::try_from(self.sources.iter().filter(|s| which(s)).count()).unwrap_or(u32::MAX)
        };
        let source_trouble = || self.sources.iter().rev().find_map(|source| source.trouble);
        Progress {
            state: self.state(),
            have: self.ranges.have(),
            size: self.size,
            active_sources: count(Source::transferring),
            known_sources: count(Source::usable),
            path: self.path.clone(),
            trouble: self.trouble.or_else(|| source_trouble().filter(|_| !self.ended())),
        }
    }

    /// Says how far it is, unless that was said a moment ago; then later, even if nothing more
    /// comes. Whether the deadline has changed by that.
    pub(super) fn say_progress(&mut self, turn: &mut Turn<'_>) -> bool {
        if turn.now >= self.say_again_at(turn.config) {
            self.say(turn);
            return false;
        }
        !std::mem::replace(&mut self.unsaid, true)
    }

    /// When progress may be told again.
    pub(super) fn say_again_at(&self, config: &Config) -> Time {
        self.said_at + Duration::from_millis(config.progress_interval_ms.into())
    }

    pub(super) fn say(&mut self, turn: &mut Turn<'_>) {
        let progress = self.progress();
        self.said = Some(progress.state);
        self.said_at = turn.now;
        self.unsaid = false;
        turn.out.emit(Event::Download { download: self.id, progress });
    }
}
