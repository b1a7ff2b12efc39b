//! Which nodes are meant: `7`, `0..9`, `leaves`, `3 of leaves`, `30% of ultrapeers`.

use std::fmt;

use crate::scenario::quantity;

/// Some nodes of a network, named in a file and chosen when it is played.
#[derive(Clone, Debug, PartialEq)]
pub enum Nodes {
    /// All.
    All,
    /// All ultrapeers; everybody in a network without tiers.
    Ultrapeers,
    /// All leaves.
    Leaves,
    /// A group of the file by its name.
    Group(String),
    /// One by its number.
    One(u32),
    /// Those from the first to the last number, both included.
    Range(u32, u32),
    /// These together.
    Any(Vec<Nodes>),
    /// So many of these, at random.
    Some(u32, Box<Nodes>),
    /// This part of these, at random.
    Part(f64, Box<Nodes>),
}

impl Nodes {
    /// Reads one phrase.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Nodes, String> {
        let text = text.trim();
        if text.contains(',') {
            return text.split(',').map(Nodes::read).collect::<Result<_, _>>().map(Nodes::Any);
        }
        if let Some((some, of)) = text.split_once(" of ") {
            let of = Box::new(Nodes::read(of)?);
            return match some.trim().strip_suffix('%') {
                Some(_) => Ok(Nodes::Part(quantity::part(some.trim())?, of)),
                None => Ok(Nodes::Some(small(some)?, of)),
            };
        }
        if let Some((first, last)) = text.split_once("..") {
            let (first, last) = (small(first)?, small(last)?);
            if first > last {
                return Err(format!("{text} holds no node: it ends before it begins"));
            }
            return Ok(Nodes::Range(first, last));
        }
        let word = text.trim_start_matches('@').trim_start_matches("the ");
        Ok(match word {
            "all" | "everybody" | "nodes" => Nodes::All,
            "any" | "anybody" => Nodes::Some(1, Box::new(Nodes::All)),
            "ultrapeers" => Nodes::Ultrapeers,
            "leaves" => Nodes::Leaves,
            "" => return Err("no node is named".to_owned()),
            _ if word.starts_with(|c: char| c.is_ascii_digit()) => Nodes::One(small(word)?),
            _ => match word.split_once("random:") {
                Some(("", count)) => Nodes::Some(small(count)?, Box::new(Nodes::All)),
                _ => Nodes::Group(word.to_owned()),
            },
        })
    }

    /// The names of groups in it.
    pub fn groups(&self) -> Vec<&str> {
        match self {
            Nodes::Group(name) => vec![name],
            Nodes::Any(list) => list.iter().flat_map(Nodes::groups).collect(),
            Nodes::Some(_, of) | Nodes::Part(_, of) => of.groups(),
            _ => Vec::new(),
        }
    }

    /// The highest number in it, if it names numbers.
    pub fn highest(&self) -> Option<u32> {
        match self {
            Nodes::One(number) | Nodes::Range(_, number) => Some(*number),
            Nodes::Any(list) => list.iter().filter_map(Nodes::highest).max(),
            Nodes::Some(_, of) | Nodes::Part(_, of) => of.highest(),
            _ => None,
        }
    }
}

fn small(text: &str) -> Result<u32, String> {
    let count = quantity::count(text)?;
    u32::try_from(count).map_err(|_| format!("{count} is too large here"))
}

impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nodes::All => f.write_str("all"),
            Nodes::Ultrapeers => f.write_str("ultrapeers"),
            Nodes::Leaves => f.write_str("leaves"),
            Nodes::Group(name) => f.write_str(name),
            Nodes::One(number) => write!(f, "node {number}"),
            Nodes::Range(first, last) => write!(f, "{first}..{last}"),
            Nodes::Any(list) => {
                let texts: Vec<String> = list.iter().map(Nodes::to_string).collect();
                f.write_str(&texts.join(", "))
            }
            Nodes::Some(count, of) => write!(f, "{count} of {of}"),
            Nodes::Part(part, of) => write!(f, "{}% of {of}", (part * 1e6).round() / 1e4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Nodes;

    #[test]
    fn phrases_name_nodes() {
        let leaves = || Box::new(Nodes::Leaves);
        for (text, nodes) in [
            ("7", Nodes::One(7)),
            ("0..9", Nodes::Range(0, 9)),
            ("leaves", Nodes::Leaves),
            ("@ultrapeers", Nodes::Ultrapeers),
            ("3 of leaves", Nodes::Some(3, leaves())),
            ("30% of the leaves", Nodes::Part(0.3, leaves())),
            ("@random:3", Nodes::Some(3, Box::new(Nodes::All))),
            ("1, 3..4", Nodes::Any(vec![Nodes::One(1), Nodes::Range(3, 4)])),
            ("free-riders", Nodes::Group("free-riders".into())),
        ] {
            assert_eq!(Nodes::read(text).as_ref(), Ok(&nodes), "{text}");
        }
        for text in ["", "9..0", "x of leaves", "3.5", "200% of leaves"] {
            assert!(Nodes::read(text).is_err(), "{text}");
        }
    }
}
