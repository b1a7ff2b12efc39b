//! Where a descriptor goes: tables with few verbs and pure functions over them.

pub(super) mod flood;
pub(super) mod lifetime;
pub(super) mod push;
pub(super) mod seen;
