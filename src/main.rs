//! The `filbert` program: all of it is in [`filbert::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    filbert::cli::main()
}
