//! What reaches the terminal: strangers' text made harmless, tables, colours only on a terminal.

use std::fmt;
use std::io::{ErrorKind, IsTerminal, Write, stdout};

/// Prints a line to standard output, as `println!` does; but when nobody reads any more (the
/// reader was `head`, say), the program ends quietly.
macro_rules! say {
    () => {
        $crate::cli::render::print_line(format_args!(""))
    };
    ($($text:tt)+) => {
        $crate::cli::render::print_line(format_args!($($text)+))
    };
}
pub(super) use say;

/// What `say!` does.
pub(super) fn print_line(text: fmt::Arguments<'_>) {
    match writeln!(stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("filbert: cannot print: {error}");
            std::process::exit(2)
        }
        Ok(()) => {}
    }
}

/// Text of a stranger, safe to show: control characters (escape sequences among them) and
/// characters that turn the reading direction become visible replacements.
pub(super) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() => '\u{FFFD}',
            '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
            | '\u{FEFF}' => '\u{FFFD}',
            c => c,
        })
        .collect()
}

/// Whether colours are wanted: on a terminal, unless NO_COLOR is set.
pub(super) fn colours() -> bool {
    stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Bold on a terminal.
pub(super) fn bold(text: &str) -> String {
    paint("1", text)
}

/// Dim on a terminal.
pub(super) fn dim(text: &str) -> String {
    paint("2", text)
}

/// Green on a terminal.
pub(super) fn good(text: &str) -> String {
    paint("32", text)
}

fn paint(code: &str, text: &str) -> String {
    if colours() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Which side a column's cells stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, in columns as wide as their widest cell.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(String, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new(columns: &[(&str, Side)]) -> Table {
        let columns = columns.iter().map(|&(name, side)| (name.to_owned(), side)).collect();
        Table { columns, rows: Vec::new() }
    }

    /// One more row.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.push(cells.into());
    }

    /// One more row, of as many cells as there are columns.
    pub(super) fn push(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints it.
    pub(super) fn print(&self) {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                let cells = self.rows.iter().map(|row| row[at].chars().count());
                cells.chain([self.columns[at].0.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let headings: Vec<String> = self.columns.iter().map(|column| column.0.clone()).collect();
        say!("{}", dim(&self.line(&headings, &widths)));
        for row in &self.rows {
            say!("{}", self.line(row, &widths));
        }
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let gap = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
            match self.columns[at].1 {
                Side::Left => line.extend([cell, gap.as_str()]),
                Side::Right => line.extend([gap.as_str(), cell]),
            }
            line.push_str("  ");
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_strangers_do_not_reach_the_terminal() {
        let shown = harmless("\x1b[2Jevil\u{202E}gpj.exe\0");
        assert_eq!(shown, "\u{FFFD}[2Jevil\u{FFFD}gpj.exe\u{FFFD}");
    }
}
