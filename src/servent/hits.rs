//! The hits of one search as a stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use smol::stream::Stream;

use super::{Events, Heard, Seen, tell_now};
use crate::driver::Handle;
use crate::node::io::{Hit, SearchEnd, SearchId};
use crate::node::{Command, Event};

/// The hits of a search (or of browsing a host) as they arrive. Ends when the search ends, which
/// can take minutes: take as many as are wanted, then drop it. Dropping it stops the search.
///
/// Who is very slow to take them may miss some.
#[derive(Debug)]
#[must_use = "dropping it stops the search"]
pub struct Hits {
    search: SearchId,
    node: Handle,
    events: Events,
    arrived: VecDeque<Hit>,
    look: Option<Seen>,
    end: Option<SearchEnd>,
}

impl Hits {
    pub(super) fn new(search: SearchId, node: Handle, events: Events) -> Hits {
        Hits { search, node, events, arrived: VecDeque::new(), look: None, end: None }
    }

    /// The name of the search.
    pub fn search(&self) -> SearchId {
        self.search
    }

    /// How the search ended, once the stream has; [`SearchEnd::Stopped`] also if the servent did.
    pub fn end(&self) -> Option<SearchEnd> {
        self.end
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Event(event) => match &*event {
                Event::Found { search, hits } if *search == self.search => {
                    self.arrived.extend(hits.iter().cloned());
                }
                Event::SearchEnded { search, end } if *search == self.search => {
                    self.end = Some(*end);
                }
                _ => {}
            },
            // The end may be among what was missed.
            Heard::Missed(_) => self.look = Some(Seen::ask(&self.node)),
        }
    }
}

impl Stream for Hits {
    type Item = Hit;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Hit>> {
        let this = &mut *self;
        loop {
            if let Some(hit) = this.arrived.pop_front() {
                return Poll::Ready(Some(hit));
            }
            if this.end.is_some() {
                return Poll::Ready(None);
            }
            if let Some(look) = &mut this.look {
                let view = ready!(look.poll(cx));
                this.look = None;
                let is_there = |view: &crate::node::View| {
                    view.searches.iter().any(|search| search.search == this.search)
                };
                if !view.is_some_and(|view| is_there(&view)) {
                    this.end = Some(SearchEnd::Stopped);
                }
                continue;
            }
            match ready!(Pin::new(&mut this.events).poll_next(cx)) {
                Some(heard) => this.hear(heard),
                None => this.end = Some(SearchEnd::Stopped),
            }
        }
    }
}

impl Drop for Hits {
    fn drop(&mut self) {
        if self.end.is_none() {
            tell_now(&self.node, Command::StopSearch { search: self.search });
        }
    }
}
