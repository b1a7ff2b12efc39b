//! Clusters of real servents as people use them: the built program, real processes, real files.

mod conditions;
mod followed;
mod stands;
mod support;
