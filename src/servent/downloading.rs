//! The progress of one download as a stream.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use smol::stream::{Stream, StreamExt};
use thiserror::Error;

use super::{Events, Heard, Seen};
use crate::driver::Handle;
use crate::node::io::{DownloadId, DownloadState, Progress};
use crate::node::{Event, View, Why};

/// How a download stands, each time that changes; its end is the last. Dropping it does not
/// cancel the download.
#[derive(Debug)]
#[must_use = "nothing is heard until it is polled; the download goes on"]
pub struct Downloading {
    download: DownloadId,
    node: Handle,
    events: Events,
    look: Option<Seen>,
    over: bool,
}

/// Why a download gave no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DownloadError {
    /// It was given up.
    #[error("the download failed{}", .0.map(|why| format!(": {}", why.text())).unwrap_or_default())]
    Failed(Option<Why>),
    /// It was cancelled.
    #[error("the download was cancelled")]
    Cancelled,
    /// The servent stopped. The download goes on when it starts again.
    #[error("the servent stopped before the download was complete")]
    Stopped,
}

impl Downloading {
    pub(super) fn new(download: DownloadId, node: Handle, events: Events) -> Downloading {
        Downloading { download, node, events, look: None, over: false }
    }

    /// The name of the download.
    pub fn download(&self) -> DownloadId {
        self.download
    }

    /// Waits for the end: where the finished file lies.
    pub async fn finished(mut self) -> Result<PathBuf, DownloadError> {
        let mut last = None;
        while let Some(progress) = self.next().await {
            last = Some(progress);
        }
        match last {
            Some(Progress { path: Some(path), state, .. }) if is_done(state) => Ok(path.into()),
            Some(Progress { state: DownloadState::Failed, trouble, .. }) => {
                Err(DownloadError::Failed(trouble))
            }
            Some(Progress { state: DownloadState::Cancelled, .. }) => Err(DownloadError::Cancelled),
            _ => Err(DownloadError::Stopped),
        }
    }
}

fn is_done(state: DownloadState) -> bool {
    matches!(state, DownloadState::Done | DownloadState::DoneUnverified)
}

fn progress_in(view: &View, download: DownloadId) -> Option<Progress> {
    let known = view.transfers.downloads.iter().find(|known| known.id == download)?;
    Some(known.progress.clone())
}

impl Stream for Downloading {
    type Item = Progress;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Progress>> {
        let this = &mut *self;
        while !this.over {
            let progress = if let Some(look) = &mut this.look {
                let view = ready!(look.poll(cx));
                this.look = None;
                let progress = view.and_then(|view| progress_in(&view, this.download));
                this.over = progress.is_none();
                progress
            } else {
                match ready!(Pin::new(&mut this.events).poll_next(cx)) {
                    Some(Heard::Event(event)) => match &*event {
                        Event::Download { download, progress } if *download == this.download => {
                            Some(progress.clone())
                        }
                        _ => None,
                    },
                    // The end may be among what was missed.
                    Some(Heard::Missed(_)) => {
                        this.look = Some(Seen::ask(&this.node));
                        None
                    }
                    None => {
                        this.over = true;
                        None
                    }
                }
            };
            if let Some(progress) = progress {
                this.over = is_done(progress.state)
                    || matches!(progress.state, DownloadState::Failed | DownloadState::Cancelled);
                return Poll::Ready(Some(progress));
            }
        }
        Poll::Ready(None)
    }
}
