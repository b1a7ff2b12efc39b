//! Who asks for what, and how often.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::catalogue::{distinct_words, words_of};
use super::words::{unheard_of, word};
use super::{Catalogue, Deed, Planned, Unfit, amount, share};
use crate::sim::{Dice, NodeId};

/// How often words are put together anew until they match nothing, before one is made up.
const DRAWS_MAX: u32 = 20;

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asker {
    /// Any node that lives.
    #[default]
    Anybody,
    /// Any node that lives and does not share the file that is asked for.
    WithoutCopy,
    /// This one, if it lives.
    Node(NodeId),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The file that it was made for; none: it matches nothing.
    pub file: Option<u32>,
    /// Its words.
    pub text: String,
}

/// How often nodes ask, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Questions {
    /// Questions that a node asks in a minute, in the mean: 0.3 (Sripanidkulchai, cited by Liu et
    /// al. 2007). They come at random moments.
    pub per_node_minute: f64,
    /// So many questions in all instead, at equal intervals.
    pub count: Option<u32>,
    /// The share of the questions that match nothing anywhere: 44.4 % (Chandra and Acosta).
    pub unanswerable_share: f64,
    /// Words of a question, taken from the name of the file; all of them if that has fewer.
    pub words: u32,
    /// Who asks.
    pub asker: Asker,
}

impl Default for Questions {
    fn default() -> Self {
        Questions {
            per_node_minute: 0.3,
            count: None,
            unanswerable_share: 0.444,
            words: 2,
            asker: Asker::default(),
        }
    }
}

impl Questions {
    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        amount("per-node-minute", self.per_node_minute)?;
        share("unanswerable-share", self.unanswerable_share)?;
        match self.words {
            0 => Err(Unfit { key: "words", must: "1 or more" }),
            _ => Ok(()),
        }
    }

    /// A question about files of this catalogue: by their popularity, or one that matches nothing.
    pub fn question(&self, catalogue: &Catalogue, dice: &mut Dice) -> Question {
        if dice.chance(self.unanswerable_share) {
            return Question { file: None, text: unanswerable(self.words, catalogue, dice) };
        }
        let file = catalogue.popularity().draw(dice);
        Question { file: Some(file), text: about(file, self.words, catalogue, dice) }
    }

    /// The questions that so many nodes ask within `lasting`.
    pub fn plan(
        &self,
        catalogue: &Arc<Catalogue>,
        nodes: u32,
        lasting: Duration,
        dice: &Dice,
    ) -> impl Iterator<Item = Planned> + use<> {
        let (mut moments, mut words) = (dice.derive("moments"), dice.derive("questions"));
        let (questions, catalogue) = (self.clone(), Arc::clone(catalogue));
        let lasting_s = lasting.as_secs_f64();
        let per_s = f64::from(nodes) * self.per_node_minute / 60.0;
        let (mut asked, mut at_s) = (0, 0.0);
        std::iter::from_fn(move || {
            match questions.count {
                Some(count) if asked == count => return None,
                Some(count) => at_s = lasting_s * f64::from(asked) / f64::from(count),
                None => at_s += -(1.0 - moments.unit()).ln() / per_s,
            }
            // Not if nobody ever asks either: then the moment is not a number.
            if !(at_s < lasting_s || questions.count.is_some()) {
                return None;
            }
            asked += 1;
            let question = questions.question(&catalogue, &mut words);
            let deed = Deed::Ask { question, asker: questions.asker };
            Some(Planned { after: Duration::from_secs_f64(at_s), deed })
        })
    }
}

/// Some words of a file's name, its ending left out.
pub(super) fn about(file: u32, count: u32, catalogue: &Catalogue, dice: &mut Dice) -> String {
    let mut words = words_of(catalogue.name(file));
    words.pop();
    dice.shuffle(&mut words);
    words.truncate(count as usize);
    words.join(" ")
}

/// Words that stand in names, but never together; or one that stands in none.
fn unanswerable(count: u32, catalogue: &Catalogue, dice: &mut Dice) -> String {
    for _ in 0..DRAWS_MAX {
        let words = distinct_words(catalogue.vocabulary(), count, dice);
        let text = words.into_iter().map(word).collect::<Vec<_>>().join(" ");
        if catalogue.matches(&text).is_empty() {
            return text;
        }
    }
    unheard_of(dice.below(u64::from(u32::MAX)) as u32)
}
