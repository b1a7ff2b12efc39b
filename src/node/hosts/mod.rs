//! Whom we could talk to, and whom we should.

pub(super) mod cache;
pub(super) mod pace;
pub(super) mod pongs;
pub(super) mod slots;
