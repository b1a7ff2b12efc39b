//! Where a descriptor goes: tables with few verbs and pure functions over them.

pub(super) mod flood;
pub(super) mod lifetime;
pub(super) mod push;
mod rows;
pub(super) mod seen;
mod spans;
pub(super) mod tables;
pub(super) mod told;
