//! The downloads as the interface shows them: how each stands, how fast it is, how long it takes.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::types::Download;
use crate::node::io::{DownloadRequest, DownloadState, Progress};
use crate::wire::Sha1;

/// Downloads that are over and still shown; the oldest makes room.
const OVER_KEPT_MAX: usize = 200;
/// The speed is that of the last so many seconds.
const SPEED_WINDOW: Duration = Duration::from_secs(5);
/// Reports closer together than this are one sample.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// All downloads under way and the last that are over.
#[derive(Debug, Default)]
pub(super) struct Downloads(BTreeMap<u64, Kept>);

#[derive(Debug)]
struct Kept {
    download: Download,
    samples: VecDeque<(Instant, u64)>,
}

impl Downloads {
    /// Keeps a download from its beginning on.
    pub(super) fn begin(&mut self, id: u64, request: &DownloadRequest) -> Download {
        let over = || self.0.iter().filter(|(_, kept)| kept.download.is_over()).map(|(&id, _)| id);
        if over().count() > OVER_KEPT_MAX
            && let Some(oldest) = over().next()
        {
            self.0.remove(&oldest);
        }
        let download = Download {
            id,
            name: request.name.clone(),
            sha1: request.sha1,
            state: DownloadState::Waiting,
            have: 0,
            size: request.size,
            speed_bytes_s: 0,
            left_s: None,
            active_sources: 0,
            known_sources: u32::try_from(request.sources.len()).unwrap_or(u32::MAX),
            path: None,
            trouble: None,
        };
        self.0.insert(id, Kept { download: download.clone(), samples: VecDeque::new() });
        download
    }

    /// Every download, the oldest first.
    pub(super) fn all(&self) -> Vec<Download> {
        self.0.values().map(|kept| kept.download.clone()).collect()
    }

    /// How many are not over.
    pub(super) fn running(&self) -> usize {
        self.0.values().filter(|kept| !kept.download.is_over()).count()
    }

    /// One.
    pub(super) fn get(&self, id: u64) -> Option<&Download> {
        self.0.get(&id).map(|kept| &kept.download)
    }

    /// The one under way that fetches this content.
    pub(super) fn of_content(&self, sha1: Sha1) -> Option<&Download> {
        let mut downloads = self.0.values().map(|kept| &kept.download);
        downloads.find(|download| download.sha1 == Some(sha1) && !download.is_over())
    }

    /// Notes how a download stands; gives it as it is shown now. One that is not kept is none of
    /// ours.
    pub(super) fn progressed(
        &mut self,
        id: u64,
        progress: &Progress,
        now: Instant,
    ) -> Option<Download> {
        let kept = self.0.get_mut(&id)?;
        if kept.download.state != DownloadState::Transferring {
            // What was there before, or came long ago, is no speed.
            kept.samples.clear();
        }
        kept.sample(now, progress.have);
        let speed = kept.speed_bytes_s();
        let download = &mut kept.download;
        download.state = progress.state;
        download.have = progress.have;
        download.size = progress.size;
        download.active_sources = progress.active_sources;
        download.known_sources = progress.known_sources;
        download.path.clone_from(&progress.path);
        download.trouble = progress.trouble;
        let is_moving = progress.state == DownloadState::Transferring;
        download.speed_bytes_s = if is_moving { speed } else { 0 };
        download.left_s = progress
            .size
            .filter(|_| is_moving)
            .and_then(|size| size.saturating_sub(progress.have).checked_div(speed));
        Some(download.clone())
    }
}

impl Kept {
    fn sample(&mut self, now: Instant, have: u64) {
        if self.samples.back().is_some_and(|&(_, before)| have < before) {
            self.samples.clear();
        }
        while self.samples.front().is_some_and(|&(at, _)| now - at > SPEED_WINDOW)
            && self.samples.len() > 1
        {
            self.samples.pop_front();
        }
        let may_merge = self.samples.len() > 1;
        match self.samples.back_mut() {
            Some((at, latest)) if may_merge && now - *at < SAMPLE_INTERVAL => *latest = have,
            _ => self.samples.push_back((now, have)),
        }
    }

    fn speed_bytes_s(&self) -> u64 {
        let (Some(&(from, before)), Some(&(to, after))) =
            (self.samples.front(), self.samples.back())
        else {
            return 0;
        };
        let micros = (to - from).as_micros().max(1);
        let speed = u128::from(after - before) * 1_000_000 / micros;
        if before == after { 0 } else { u64::try_from(speed).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(state: DownloadState, have: u64) -> Progress {
        Progress {
            state,
            have,
            size: Some(10_000),
            active_sources: 1,
            known_sources: 2,
            path: None,
            trouble: None,
        }
    }

    #[test]
    fn speed_and_time_left_follow_the_last_seconds() {
        let mut downloads = Downloads::default();
        downloads.begin(1, &DownloadRequest::default());
        let began = Instant::now();
        let mut at = |seconds, have| {
            let now = began + Duration::from_secs(seconds);
            downloads.progressed(1, &progress(DownloadState::Transferring, have), now).unwrap()
        };
        assert_eq!(at(0, 0).left_s, None, "nothing is known yet");
        assert_eq!(at(1, 100).speed_bytes_s, 100);
        let steady = at(2, 200);
        assert_eq!((steady.speed_bytes_s, steady.left_s), (100, Some(98)));
        at(60, 200);
        assert_eq!(at(61, 1_200).speed_bytes_s, 1_000, "what was long ago does not count");
        assert_eq!(at(62, 0).speed_bytes_s, 0, "bytes were thrown away");
    }

    #[test]
    fn the_oldest_that_are_over_make_room_and_none_else() {
        let mut downloads = Downloads::default();
        let request = DownloadRequest { sha1: Some(Sha1([1; 20])), ..Default::default() };
        downloads.begin(1, &request);
        for id in 2..600 {
            downloads.begin(id, &DownloadRequest::default());
            let over = progress(DownloadState::Failed, 0);
            assert!(downloads.progressed(id, &over, Instant::now()).unwrap().is_over());
        }
        assert!(downloads.all().len() <= OVER_KEPT_MAX + 3);
        assert_eq!(downloads.running(), 1);
        assert_eq!(downloads.of_content(Sha1([1; 20])).unwrap().id, 1);
        assert!(downloads.get(2).is_none() && downloads.get(599).is_some());
    }
}
