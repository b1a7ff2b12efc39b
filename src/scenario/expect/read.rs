//! From a sentence to a condition.

use std::time::Duration;

use super::{Condition, FACTS, Fact, How, Kind, Sign, Sum};
use crate::scenario::file::nearest;
use crate::scenario::quantity;

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64, Kind),
    Word(String),
    /// A word in quotes: never a fact.
    Quoted(String),
    Sign(Sign),
    /// `+ - * / ( ) = : ,`
    Mark(char),
}

/// Sentences that stand for conditions.
const SENTENCES: &[(&str, &str)] = &[
    ("every node reachable", "components == 1"),
    ("every node is reachable", "components == 1"),
    ("every file equal", "downloaded == 1"),
    ("every file equals", "downloaded == 1"),
    ("file equals", "downloaded == 1"),
    ("every download done", "downloaded == 1"),
    ("every search finds something", "found == 1"),
];

/// Nested parentheses at most.
const DEPTH_MAX: u32 = 32;

/// Reads a condition.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Condition, String> {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (sentence, every_search) = match plain.strip_prefix("every search:") {
        Some(rest) => (rest.trim().to_owned(), true),
        None => (plain.clone(), false),
    };
    let meant = SENTENCES.iter().find(|(known, _)| *known == sentence);
    let meant = meant.map_or(sentence.as_str(), |(_, condition)| condition);
    let mut reader = Reader { tokens: tokens(meant)?, at: 0, depth: 0 };
    let mut condition = Condition {
        text: plain,
        every_search,
        sides: vec![reader.sum()?],
        signs: Vec::new(),
        within: None,
    };
    while let Some(Token::Sign(sign)) = reader.peek() {
        condition.signs.push(*sign);
        reader.at += 1;
        condition.sides.push(reader.sum()?);
    }
    if condition.signs.is_empty() {
        return Err(format!(
            "{text} compares nothing; write it like recall >= 0.9 or every node reachable"
        ));
    }
    if reader.word("within") {
        let Some(Token::Number(us, Kind::Time)) = reader.next() else {
            return Err("within needs a time, like within 3s".to_owned());
        };
        condition.within = Some(Duration::from_micros(us as u64));
    }
    if let Some(left) = reader.peek() {
        return Err(format!("{} is too much here", left.shown()));
    }
    check(&condition)?;
    Ok(condition)
}

/// Times are compared with times, and searches have no facts of whole runs alone.
fn check(condition: &Condition) -> Result<(), String> {
    let kind = |sum: &Sum| match sum {
        Sum::Number(number, kind) => (*number != 0.0).then_some(*kind),
        Sum::Fact(fact) => Some(FACTS[fact.name].kind),
        _ => None,
    };
    let kinds: Vec<Kind> = condition.sides.iter().filter_map(kind).collect();
    if kinds.contains(&Kind::Time) && kinds.contains(&Kind::Plain) {
        return Err(
            "a time is compared with something that is none; write times with their unit, like 3s"
                .to_owned(),
        );
    }
    if condition.within.is_some() {
        let counts = |fact: &&Fact| {
            matches!(FACTS[fact.name].name, "hits" | "results" | "found" | "success")
        };
        if !condition.facts().iter().any(counts) {
            return Err("within goes with hits, results, found or success".to_owned());
        }
    }
    Ok(())
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    /// Takes this word if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        self.at += usize::from(is);
        is
    }

    fn mark(&mut self, mark: char) -> bool {
        let is = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(is);
        is
    }

    fn sum(&mut self) -> Result<Sum, String> {
        let mut sum = self.product()?;
        while let Some(&Token::Mark(mark @ ('+' | '-'))) = self.peek() {
            self.at += 1;
            sum = Sum::Both(Box::new(sum), mark, Box::new(self.product()?));
        }
        Ok(sum)
    }

    fn product(&mut self) -> Result<Sum, String> {
        let mut product = self.atom()?;
        while let Some(&Token::Mark(mark @ ('*' | '/'))) = self.peek() {
            self.at += 1;
            product = Sum::Both(Box::new(product), mark, Box::new(self.atom()?));
        }
        Ok(product)
    }

    fn atom(&mut self) -> Result<Sum, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("this is nested too deep".to_owned());
        }
        let atom = match self.next() {
            Some(Token::Number(number, kind)) => Sum::Number(number, kind),
            Some(Token::Mark('(')) => self.closed()?,
            Some(Token::Word(word)) if word == "sqrt" && self.mark('(') => {
                Sum::Root(Box::new(self.closed()?))
            }
            Some(Token::Word(word)) => Sum::Fact(self.fact(&word)?),
            Some(other) => {
                return Err(format!("{} stands where a number or a fact should be", other.shown()));
            }
            None => return Err("it ends where a number or a fact should be".to_owned()),
        };
        self.depth -= 1;
        Ok(atom)
    }

    fn closed(&mut self) -> Result<Sum, String> {
        let sum = self.sum()?;
        if self.mark(')') { Ok(sum) } else { Err("a parenthesis is not closed".to_owned()) }
    }

    fn fact(&mut self, word: &str) -> Result<Fact, String> {
        let how = match word {
            "min" | "least" => Some(How::Min),
            "max" | "most" => Some(How::Max),
            "median" => Some(How::Median),
            "mean" => Some(How::Mean),
            "total" => Some(How::Total),
            _ => None,
        };
        let name = match (how, self.peek()) {
            (None, _) => word.to_owned(),
            (Some(_), Some(Token::Word(name))) => {
                let name = name.clone();
                self.at += 1;
                name
            }
            (Some(_), _) => return Err(format!("{word} of what?")),
        };
        let place = FACTS.iter().position(|known| known.name == name).ok_or_else(|| {
            let names = FACTS.iter().map(|known| known.name);
            format!("nothing is known of {name}{}", nearest(&name, names))
        })?;
        let of = if self.word("of") { Some(self.label()?) } else { None };
        let mut at = Vec::new();
        if self.word("at") {
            loop {
                let key = self.label()?;
                if !self.mark('=') {
                    return Err(format!("at needs a key and a value, like at {key} = 7"));
                }
                at.push((key, self.label()?));
                if !self.word("and") {
                    break;
                }
            }
        }
        Ok(Fact { name: place, how: how.unwrap_or(How::Mean), of, at })
    }

    fn label(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word) | Token::Quoted(word)) => Ok(word),
            Some(Token::Number(number, _)) => Ok(number.to_string()),
            _ => Err("a name is missing".to_owned()),
        }
    }
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Token::Number(number, _) => number.to_string(),
            Token::Word(word) | Token::Quoted(word) => word.clone(),
            Token::Sign(_) => "another comparison".to_owned(),
            Token::Mark(mark) => mark.to_string(),
        }
    }
}

/// Two-letter signs first.
const SIGNS: &[(&str, Sign)] = &[
    ("==", Sign::Equal),
    ("!=", Sign::Unequal),
    (">=", Sign::AtLeast),
    ("<=", Sign::AtMost),
    (">", Sign::Above),
    ("<", Sign::Below),
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
        let len = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some((text, sign)) = sign {
            tokens.push(Token::Sign(*sign));
            text.len()
        } else if "+-*/()=:,".contains(first) {
            tokens.push(Token::Mark(first));
            1
        } else if first.is_ascii_digit() {
            number(rest, &mut tokens)?
        } else if first == '\'' || first == '"' {
            let inner = rest[1..].split(first).next().unwrap_or_default();
            tokens.push(Token::Quoted(inner.to_owned()));
            if !rest[1 + inner.len()..].starts_with(first) {
                return Err(format!("{rest} is not closed"));
            }
            inner.len() + 2
        } else if first.is_alphabetic() || first == '_' {
            let len = word_len(rest);
            tokens.push(Token::Word(rest[..len].to_owned()));
            len
        } else {
            return Err(format!("{first} means nothing here"));
        };
        rest = &rest[len..];
    }
    Ok(tokens)
}

/// A number with its unit, or followed at once by what it is multiplied with: `2E`.
fn number(rest: &str, tokens: &mut Vec<Token>) -> Result<usize, String> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_');
    let end = rest.find(|c| !digits(c)).unwrap_or(rest.len());
    let (number, _) =
        quantity::split(&rest[..end]).ok_or_else(|| format!("{} is not a number", &rest[..end]))?;
    let unit_len = if rest[end..].starts_with('%') { 1 } else { word_len(&rest[end..]) };
    let unit = &rest[end..end + unit_len];
    match quantity::any(number, unit) {
        Some(value) => {
            let kind =
                if quantity::time(&format!("1{unit}")).is_ok() { Kind::Time } else { Kind::Plain };
            tokens.push(Token::Number(value, kind));
            Ok(end + unit_len)
        }
        None => {
            tokens.extend([Token::Number(number, Kind::Plain), Token::Mark('*')]);
            Ok(end)
        }
    }
}

/// Words are letters, digits and `_`; `-` and `.` between small letters or digits, so that `E-N` is
/// a difference and `first-hit` a word.
fn word_len(rest: &str) -> usize {
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        let joins =
            matches!(c, '-' | '.') && (before.is_lowercase() || before.is_ascii_digit()) && {
                let next = rest[at + 1..].chars().next();
                next.is_some_and(|next| next.is_lowercase() || next.is_ascii_digit())
            };
        if !(c.is_alphanumeric() || c == '_' || joins) {
            return at;
        }
        before = c;
    }
    rest.len()
}
