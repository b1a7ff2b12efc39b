//! The `filbert` program.

fn main() {}
