//! What everybody else holds of a running driver: commands in, events and views out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol::channel::{self, Sender};

use super::conditions::{Conditions, ConditionsError};
use super::post::Post;
use super::shares::SharesView;
use super::sharing::Shelf;
use super::subscribe::{Subscribers, Subscription};
use crate::node::passages::PassagesView;
use crate::node::{Command, View};
use crate::wire::Guid;

/// A view is not asked of the node again before it is so old.
const VIEW_AGE_MAX: Duration = Duration::from_millis(100);

/// The driver has stopped: nobody is there to obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the servent has stopped")]
pub struct Stopped;

/// Talks to a running driver from anywhere; clones talk to the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    listen: SocketAddr,
    posts: Sender<Post>,
    events: Arc<Subscribers>,
    shelf: Shelf,
    seen: Arc<Mutex<Option<Seen>>>,
    is_laboratory: bool,
    conditions: Arc<Mutex<Conditions>>,
}

/// The last view, and when it was taken.
#[derive(Debug)]
struct Seen {
    at: Instant,
    view: Arc<View>,
}

impl Handle {
    pub(super) fn new(
        listen: SocketAddr,
        posts: Sender<Post>,
        events: Arc<Subscribers>,
        shelf: Shelf,
        is_laboratory: bool,
    ) -> Handle {
        let (seen, conditions) = (Arc::default(), Arc::default());
        Handle { listen, posts, events, shelf, seen, is_laboratory, conditions }
    }

    /// The address that the driver listens on, with the port that the system chose if it was 0.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Tells the node what is wanted. What comes of it is told by events.
    pub async fn command(&self, command: Command) -> Result<(), Stopped> {
        self.post(Post::Command(command)).await?;
        // What was seen before does not show what it changes.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// How things stand, at most a tenth of a second old.
    pub async fn view(&self) -> Result<Arc<View>, Stopped> {
        if let Some(seen) = &*self.seen.lock().unwrap_or_else(PoisonError::into_inner)
            && seen.at.elapsed() < VIEW_AGE_MAX
        {
            return Ok(Arc::clone(&seen.view));
        }
        let (answer, answered) = channel::bounded(1);
        self.post(Post::View(answer)).await?;
        let view = answered.recv().await.map_err(|_| Stopped)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(Seen { at: Instant::now(), view: Arc::clone(&view) });
        Ok(view)
    }

    /// What became of the copies of a query and its hits, or of all queries, up to now.
    pub async fn passages(&self, query: Option<Guid>) -> Result<PassagesView, Stopped> {
        let (answer, answered) = channel::bounded(1);
        self.post(Post::Passages(query, answer)).await?;
        answered.recv().await.map_err(|_| Stopped)
    }

    /// All that happens from now on.
    pub fn events(&self) -> Subscription {
        self.events.subscribe()
    }

    /// Looks for changes in the shared folders now.
    pub async fn rescan(&self) -> Result<(), Stopped> {
        self.post(Post::Rescan).await
    }

    /// Shares one more folder; returns when it is being looked through.
    pub async fn share(&self, folder: PathBuf) -> Result<(), Stopped> {
        let (begun, is_begun) = channel::bounded(1);
        self.post(Post::Share(folder, begun)).await?;
        is_begun.recv().await.map_err(|_| Stopped)
    }

    /// How many files are shared and how far their hashing is.
    pub fn shares(&self) -> SharesView {
        self.shelf.view()
    }

    /// What the links are like, as last set.
    pub fn conditions(&self) -> Conditions {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the links of a servent in a laboratory so; when this is done, they are.
    pub async fn set_conditions(&self, conditions: Conditions) -> Result<(), ConditionsError> {
        if !self.is_laboratory {
            return Err(ConditionsError::NoLaboratory { listen: self.listen });
        }
        conditions.check()?;
        let (done, is_done) = channel::bounded(1);
        self.post(Post::Conditions(Box::new(conditions.clone()), done)).await?;
        is_done.recv().await.map_err(|_| Stopped)?;
        *self.conditions.lock().unwrap_or_else(PoisonError::into_inner) = conditions;
        Ok(())
    }

    async fn post(&self, post: Post) -> Result<(), Stopped> {
        self.posts.send(post).await.map_err(|_| Stopped)
    }
}
