//! The whole boundary of the node: what goes in, what comes out.
//!
//! The driver's loop, and the simulator's:
//!
//! ```text
//! for everything that is ready: perform(node.handle(now, input))
//! perform(node.handle(now, Input::TurnOver))     // floods of this turn leave as one shared run
//! sleep until something is ready or node.deadline(), then node.handle(now, Input::Wake)
//! ```
//!
//! File bodies never pass through here: the node orders [`Action::SendFile`] and
//! [`Action::StoreInto`]; the driver carries the bytes and reports [`Input::Carried`].

mod action;
mod chunk;
mod command;
mod event;
mod ids;
mod input;
mod out;

pub use super::hosts::source::{HostSource, SourceState, SourceView};
pub use action::{Action, DiskOrder};
pub use chunk::Chunk;
pub use command::{Command, DownloadRequest, HostRecord, SearchQuery, Source};
pub use event::{DownloadState, Event, Hit, Progress, SearchEnd};
pub use ids::{ConnId, DownloadId, LookupId, SearchId};
pub use input::{
    CloseCause, DiskFailure, DiskReport, Input, Mapped, MappingFailure, MappingMethod,
};
pub use out::{Actions, Out, earliest};
