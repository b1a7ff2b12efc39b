//! A flash crowd: a file becomes popular all at once.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Asker, Catalogue, Deed, Planned, Question, Unfit, amount, questions};
use crate::sim::Dice;

/// Many nodes that ask for one file within a short time, and fetch it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlashCrowd {
    /// Which file, by its rank in popularity from 0; the last of the corpus if it has fewer. One
    /// that few have and nobody asked for before makes the sharpest crowd.
    pub file: u32,
    /// When it begins.
    pub after_s: f64,
    /// So many ask, each once, as far as they do not have the file.
    pub askers: u32,
    /// Mean time until one of them asks: interest falls off exponentially.
    pub fades_s: f64,
    /// Whether they fetch it, too, and share it from then on. Needs hashed files.
    pub fetches: bool,
}

impl Default for FlashCrowd {
    fn default() -> Self {
        FlashCrowd { file: u32::MAX, after_s: 0.0, askers: 100, fades_s: 60.0, fetches: false }
    }
}

impl FlashCrowd {
    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        amount("after-s", self.after_s)?;
        amount("fades-s", self.fades_s)
    }

    /// Which file of this catalogue it is about.
    pub fn file(&self, catalogue: &Catalogue) -> u32 {
        self.file.min(catalogue.popularity().items().saturating_sub(1))
    }

    /// Who asks when; each for all words of the name.
    pub fn plan(
        &self,
        catalogue: &Arc<Catalogue>,
        dice: &Dice,
    ) -> impl Iterator<Item = Planned> + use<> {
        let (crowd, catalogue) = (self.clone(), Arc::clone(catalogue));
        let mut dice = dice.derive("flash crowd");
        let (file, mut at_s, mut left) = (self.file(&catalogue), self.after_s, self.askers);
        std::iter::from_fn(move || {
            // The least of `left` exponential times that remain is exponential, too.
            let waiting = f64::from(left);
            left = left.checked_sub(1)?;
            at_s += -(1.0 - dice.unit()).ln() * crowd.fades_s / waiting;
            let text = questions::about(file, u32::MAX, &catalogue, &mut dice);
            let question = Question { file: Some(file), text };
            let deed = match crowd.fetches {
                true => Deed::Want { question, file },
                false => Deed::Ask { question, asker: Asker::WithoutCopy },
            };
            Some(Planned { after: Duration::from_secs_f64(at_s), deed })
        })
    }
}
