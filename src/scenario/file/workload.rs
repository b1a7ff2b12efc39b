//! `[files]`, `[questions]`, `[churn]`, `[crowd]`: what is shared, who asks for what, who comes and
//! goes.

use std::time::Duration;

use super::network::nodes;
use super::nodes::Nodes;
use super::section::{Read, Section, one_of};
use crate::scenario::quantity;
use crate::sim::workload::{Churn, Corpus, FlashCrowd, Lifetime, Questions, Replication, Unfit};

/// What nodes do by themselves while steps happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Files and their copies.
    pub corpus: Option<Corpus>,
    /// Who asks for them.
    pub questions: Option<Asking>,
    /// Nodes that come and go.
    pub churn: Option<Churn>,
    /// A file that many want at once.
    pub crowd: Option<FlashCrowd>,
}

/// Questions, and who asks them.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    /// What, and how often.
    pub questions: Questions,
    /// Who.
    pub by: Nodes,
    /// Whether only those ask who do not share the file they ask for.
    pub without_copy: bool,
    /// Results after which a search ends, if not as the settings say.
    pub wanted: Option<u32>,
}

/// Between two questions, if there is a number of them and nothing is said about how long it lasts.
const BETWEEN: Duration = Duration::from_secs(2);

impl Workload {
    /// How long it goes on if the file does not say so.
    pub(super) fn lasts(&self) -> Duration {
        let count = self.questions.as_ref().and_then(|asking| asking.questions.count);
        count.map_or(Duration::ZERO, |count| BETWEEN * count)
    }
}

fn fits(section: &Section<'_>, check: Result<(), Unfit>, keys: &[(&str, &str)]) -> Read<()> {
    check.map_err(|unfit| {
        let key = keys
            .iter()
            .find(|(theirs, _)| *theirs == unfit.key)
            .map_or(unfit.key, |(_, ours)| ours);
        section.mistake(key, format!("{key} must be {}", unfit.must))
    })
}

/// The keys of `[files]`.
pub(super) const FILES_KEYS: &[&str] = &[
    "count",
    "copies",
    "replication",
    "popularity",
    "free-riders",
    "top-nodes",
    "top-copies",
    "dealt",
    "size",
    "hashed",
    "words",
    "vocabulary",
    "word-popularity",
];

/// Reads `[files]`, of which there are copies on so many nodes.
pub(super) fn files(section: &Section<'_>, nodes: u32) -> Read<Option<Corpus>> {
    if section.is_empty() {
        return Ok(None);
    }
    let count = section.need("count", section.count("count")?)?;
    // A part of the nodes, or a number of copies.
    let copies = section.parsed("copies", |text| match quantity::count(text) {
        Ok(copies) if copies > nodes.into() => {
            Err(format!("{copies} copies of a file are more than there are nodes ({nodes})"))
        }
        Ok(copies) => Ok(copies as f64 / f64::from(nodes)),
        Err(_) => quantity::part(text),
    })?;
    let even = Corpus::even(count, section.need("copies", copies)?);
    let kinds = [
        ("uniform", Replication::Uniform),
        ("proportional", Replication::Proportional),
        ("square-root", Replication::SquareRoot),
    ];
    let corpus = Corpus {
        replication: section
            .parsed("replication", |word| one_of(word, "replication", &kinds))?
            .unwrap_or(even.replication),
        popularity_exponent: section.number("popularity")?.unwrap_or(even.popularity_exponent),
        free_riders_share: section.part("free-riders")?.unwrap_or(0.0),
        top_nodes_share: section.part("top-nodes")?.unwrap_or(even.top_nodes_share),
        top_copies_share: section.part("top-copies")?.unwrap_or(0.0),
        dealt: section.truth("dealt")?.unwrap_or(even.dealt),
        file_bytes: section.parsed("size", quantity::size)?.unwrap_or(even.file_bytes),
        hashed: section.truth("hashed")?.unwrap_or(false),
        name_words: section.count("words")?.unwrap_or(even.name_words),
        vocabulary_words: section.count("vocabulary")?.unwrap_or(even.vocabulary_words),
        word_exponent: section.number("word-popularity")?.unwrap_or(even.word_exponent),
        ..even
    };
    let keys = [
        ("files", "count"),
        ("copies-share", "copies"),
        ("name-words", "words"),
        ("vocabulary-words", "vocabulary"),
    ];
    fits(section, corpus.check(), &keys)?;
    if corpus.hashed && corpus.file_bytes.saturating_mul(corpus.files.into()) > 1 << 30 {
        return Err(section.mistake(
            "size",
            "hashing all these files would take long; make them smaller or fewer",
        ));
    }
    Ok(Some(corpus))
}

/// The keys of `[questions]`.
pub(super) const QUESTIONS_KEYS: &[&str] =
    &["count", "rate", "unanswerable", "words", "by", "without-copy", "wanted"];

/// Reads `[questions]`.
pub(super) fn questions(section: &Section<'_>) -> Read<Option<Asking>> {
    if section.is_empty() {
        return Ok(None);
    }
    let usual = Questions::default();
    let (count, rate) =
        (section.count("count")?, section.parsed("rate", quantity::times_a_minute)?);
    if count.is_some() == rate.is_some() {
        let message =
            "questions have a count in all, or a rate of each node like \"0.3 per minute\"";
        return Err(section.mistake("rate", message));
    }
    let questions = Questions {
        per_node_minute: rate.unwrap_or(0.0),
        count,
        unanswerable_share: section.part("unanswerable")?.unwrap_or(0.0),
        words: section.count("words")?.unwrap_or(usual.words),
        ..usual
    };
    fits(
        section,
        questions.check(),
        &[("per-node-minute", "rate"), ("unanswerable-share", "unanswerable")],
    )?;
    Ok(Some(Asking {
        questions,
        by: nodes(section, "by")?.unwrap_or(Nodes::All),
        without_copy: section.truth("without-copy")?.unwrap_or(false),
        wanted: section.count("wanted")?,
    }))
}

/// The keys of `[churn]`.
pub(super) const CHURN_KEYS: &[&str] = &["session", "offline", "shape", "fresh", "crashes"];

/// Reads `[churn]`.
pub(super) fn churn(section: &Section<'_>) -> Read<Option<Churn>> {
    if section.is_empty() {
        return Ok(None);
    }
    let usual = Churn::default();
    let shape = section.number("shape")?.unwrap_or(usual.session.shape);
    let session = section.need("session", section.time("session")?)?.as_secs_f64();
    let offline = section.time("offline")?.map_or(session, |time| time.as_secs_f64());
    let churn = Churn {
        session: Lifetime::median(shape, session),
        offline: Lifetime::median(shape, offline),
        fresh_share: section.part("fresh")?.unwrap_or(usual.fresh_share),
        crash_share: section.part("crashes")?.unwrap_or(usual.crash_share),
    };
    fits(
        section,
        churn.check(),
        &[("median-s", "session"), ("fresh-share", "fresh"), ("crash-share", "crashes")],
    )?;
    Ok(Some(churn))
}

/// The keys of `[crowd]`.
pub(super) const CROWD_KEYS: &[&str] = &["file", "at", "askers", "fades", "fetches"];

/// Reads `[crowd]`.
pub(super) fn crowd(section: &Section<'_>) -> Read<Option<FlashCrowd>> {
    if section.is_empty() {
        return Ok(None);
    }
    let usual = FlashCrowd::default();
    let crowd = FlashCrowd {
        file: section.count("file")?.unwrap_or(usual.file),
        after_s: section.time("at")?.map_or(usual.after_s, |time| time.as_secs_f64()),
        askers: section.need("askers", section.count("askers")?)?,
        fades_s: section.time("fades")?.map_or(usual.fades_s, |time| time.as_secs_f64()),
        fetches: section.truth("fetches")?.unwrap_or(usual.fetches),
    };
    fits(section, crowd.check(), &[("after-s", "at"), ("fades-s", "fades")])?;
    Ok(Some(crowd))
}
