//! Numbers and texts as the page shows them.

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things.
    Count,
    /// A part of a whole, 0 to 1; shown in percent.
    Part,
    /// Microseconds.
    Time,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// The number in short: `1.2k`, `35 %`, `120 ms`.
    pub(super) fn text(self, number: f64) -> String {
        match self {
            _ if number.is_nan() => "-".to_owned(),
            Unit::Count => count(number),
            Unit::Part => format!("{} %", digits(number * 100.0)),
            Unit::Time => time(number),
            Unit::Bytes => match number {
                n if n < 1e3 => format!("{} B", digits(n)),
                n if n < 1e6 => format!("{} kB", digits(n / 1e3)),
                n if n < 1e9 => format!("{} MB", digits(n / 1e6)),
                n => format!("{} GB", digits(n / 1e9)),
            },
        }
    }
}

fn count(number: f64) -> String {
    match number.abs() {
        n if n < 1e4 => grouped(number),
        n if n < 1e6 => format!("{}k", digits(number / 1e3)),
        n if n < 1e9 => format!("{}M", digits(number / 1e6)),
        _ => format!("{}G", digits(number / 1e9)),
    }
}

/// A number below ten thousand, with a comma after the thousands.
fn grouped(number: f64) -> String {
    let text = digits(number);
    match text.len() {
        4 if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{},{}", &text[..1], &text[1..])
        }
        _ => text,
    }
}

fn time(us: f64) -> String {
    match us {
        0.0 => "0".to_owned(),
        us if us < 1e3 => format!("{} us", digits(us)),
        us if us < 1e6 => format!("{} ms", digits(us / 1e3)),
        us if us < 120e6 => format!("{} s", digits(us / 1e6)),
        us if us < 7_200e6 => format!("{} min", digits(us / 60e6)),
        us => format!("{} h", digits(us / 3_600e6)),
    }
}

/// Three digits, and no zeros behind the point.
fn digits(number: f64) -> String {
    let places = match number.abs() {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{number:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Text that cannot be taken for markup.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            sign => safe.push(sign),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Unit, escaped};

    #[test]
    fn numbers_are_short() {
        let count = |number| Unit::Count.text(number);
        assert_eq!([0.0, 0.25, 7.0, 36.5].map(count), ["0", "0.25", "7", "36.5"]);
        assert_eq!([1_456.0, 23_436.0, 7_686_400.0].map(count), ["1,456", "23.4k", "7.69M"]);
        assert_eq!([0.0, 0.333, 1.0].map(|part| Unit::Part.text(part)), ["0 %", "33.3 %", "100 %"]);
        let time = |us| Unit::Time.text(us);
        assert_eq!([50.0, 1_500.0, 2e6, 600e6].map(time), ["50 us", "1.5 ms", "2 s", "10 min"]);
        assert_eq!(Unit::Bytes.text(2_048.0), "2.05 kB");
    }

    #[test]
    fn names_cannot_be_markup() {
        assert_eq!(escaped("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }
}
