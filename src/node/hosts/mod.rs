//! Whom we could talk to, and whom we should.

pub(super) mod bootstrap;
pub(super) mod cache;
pub(super) mod fetch;
mod known;
pub(super) mod pace;
pub(super) mod pongs;
pub(super) mod slots;
pub(super) mod source;
