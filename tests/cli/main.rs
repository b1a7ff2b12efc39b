//! The command line as people use it: real processes, real sockets on loopback, real files.

mod help;
mod mistakes;
mod resume;
mod session;
mod sim;
mod support;
