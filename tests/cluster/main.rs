//! Clusters of real servents as people use them: the built program, real processes, real files.

mod stands;
mod support;
