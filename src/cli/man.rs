//! The manual page, made from the help texts so that it cannot say anything else.

use super::args;

/// The manual page in roff, for `man -l -`.
pub(super) fn page() -> String {
    let pages = args::help_pages();
    let mut roff = String::from(concat!(
        ".TH FILBERT 1 \"\" \"filbert ",
        env!("CARGO_PKG_VERSION"),
        "\" \"User Commands\"\n.SH NAME\nfilbert \\- a Gnutella servent\n"
    ));
    for (at, (name, help)) in pages.iter().enumerate() {
        roff.push_str(match at {
            0 => ".SH DESCRIPTION\n",
            1 => ".SH COMMANDS\n",
            _ => "",
        });
        if at > 0 {
            roff.push_str(&format!(".SS {}\n", escape(name)));
        }
        roff.push_str(".nf\n");
        for line in help.lines() {
            roff.push_str(&escape(line));
            roff.push('\n');
        }
        roff.push_str(".fi\n");
    }
    roff.push_str(concat!(
        ".SH FILES\n.TP\n.I filbert.toml\nThe settings, in the platform's configuration folder; ",
        "`filbert config` prints them with their origins.\n",
        ".SH EXIT STATUS\n0: it worked; for a search: something was found.\n.br\n",
        "1: nothing was found.\n.br\n2: an error; the message says what to do.\n"
    ));
    roff
}

/// Takes the special meaning from backslashes, hyphens and leading dots.
fn escape(line: &str) -> String {
    let plain = line.replace('\\', "\\e").replace('-', "\\-");
    if plain.starts_with(['.', '\'']) { format!("\\&{plain}") } else { plain }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_its_section() {
        let page = super::page();
        for command in ["run", "search", "get", "replay", "man"] {
            assert!(page.contains(&format!(".SS filbert {command}\n")), "{command}");
        }
        assert!(page.contains("\\-\\-data\\-dir"));
    }
}
