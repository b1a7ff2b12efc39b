//! Names of files from strangers, made safe to create in a folder of ours (protocol.md section 12).

/// Bytes of a safe name at most: file systems take 255, and a number and a suffix must still fit.
pub const BYTES_MAX: usize = 200;

/// Bytes of an extension that survives when a name is cut, its dot included.
const EXTENSION_BYTES_MAX: usize = 20;

/// What a name becomes of which nothing is left.
const NAMELESS: &str = "unnamed";

/// A name that can be created in a download folder on every system, whatever a peer called its
/// file: one path component, visible, no device, no stream, at most [`BYTES_MAX`] bytes with the
/// extension kept, never empty. A name that is safe already comes back as it is.
///
/// ```
/// use filbert::wire::filename::safe_name;
///
/// assert_eq!(safe_name("blue moon.ogg"), "blue moon.ogg");
/// assert_eq!(safe_name("../../.ssh/authorized_keys"), "ssh_authorized_keys");
/// assert_eq!(safe_name("aux.txt"), "_aux.txt");
/// ```
pub fn safe_name(name: &str) -> String {
    let parts = name.split(is_separator).map(|part| trimmed(part).to_owned());
    let joined = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    let visible: String = joined.chars().filter(|&c| !is_invisible(c)).map(harmless).collect();
    let mut safe = defused_escapes(trimmed(&visible));
    if safe.is_empty() {
        safe.push_str(NAMELESS);
    }
    // A leading dash is an option to whoever types `rm *`.
    if is_device(&safe) || safe.starts_with('-') {
        safe.insert(0, '_');
    }
    cut(&safe)
}

/// Without the dots and spaces in front (hidden files, `..`) and behind (Windows drops them).
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c == '.' || c.is_whitespace() || is_invisible(c))
}

/// Slashes, and what some systems or their conversions take for one.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '/' | '\\' | '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{FE68}' | '\u{FF0F}' | '\u{FF3C}'
    )
}

/// Characters that change how a name looks without being seen: bidirectional controls (which turn
/// `gpj.exe` round), zero-width ones, tags. Joiners inside words and emoji stay.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    )
}

/// Control characters and what Windows forbids or gives a meaning become an underscore.
fn harmless(c: char) -> char {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{2028}' | '\u{2029}' => '_',
        c if c.is_control() => '_',
        c => c,
    }
}

/// `%2e`, `%2f`, `%5c` and `%00` lose their percent sign: nothing that decodes the name once more
/// (a web server over the folder, say) finds a path in it. Encoding the percent sign itself
/// (`%252e`) does not help.
fn defused_escapes(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        let digits = after.get(1..3).unwrap_or_default().to_ascii_lowercase();
        let is_path = matches!(digits.as_str(), "2e" | "2f" | "5c" | "00" | "25");
        out.push_str(before);
        out.push(if is_path { '_' } else { '%' });
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Whether Windows takes the name for a device, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$") {
        return true;
    }
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut number = port.unwrap_or_default().chars();
    matches!(
        (number.next(), number.next()),
        (Some('0'..='9' | '\u{B9}' | '\u{B2}' | '\u{B3}'), None)
    )
}

/// At most [`BYTES_MAX`] bytes, cut before the extension and between characters.
fn cut(name: &str) -> String {
    if name.len() <= BYTES_MAX {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= EXTENSION_BYTES_MAX);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let mut room = BYTES_MAX - extension.len();
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    let stem = stem.split_at(room).0;
    format!("{}{extension}", stem.trim_end_matches(|c: char| c == '.' || c.is_whitespace()))
}

#[cfg(test)]
mod tests;
