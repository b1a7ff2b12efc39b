//! Clusters of real servents as people use them: the built program, real processes, real files.

mod changes;
mod conditions;
mod crashes;
mod followed;
mod namespaces;
mod stands;
mod support;
