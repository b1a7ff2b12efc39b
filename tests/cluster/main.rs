//! Clusters of real servents as people use them: the built program, real processes, real files.

mod followed;
mod stands;
mod support;
