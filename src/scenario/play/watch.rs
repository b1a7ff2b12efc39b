//! Letting time pass: what is planned happens, samples are taken, and it is looked whether what is
//! waited for is so.

use std::time::Duration;

use super::measure::standing;
use super::{Check, Outcome, Play, Stage, micros};
use crate::scenario::expect::{self, Condition};
use crate::scenario::report::{SAMPLES, Sample};
use crate::sim::NodeId;

/// Above so many nodes the network is looked at less often.
const MANY_NODES: u32 = 20_000;

impl<S: Stage> Play<'_, S> {
    /// The network stands: from now on time counts.
    pub(super) fn begin(&mut self) -> Outcome {
        self.stage.follow_copies(self.draw);
        self.stage.begin()?;
        let nodes = self.stage.nodes();
        for node in (0..nodes).map(NodeId) {
            let load = self.stage.load(node)?;
            self.before.push(load);
        }
        self.messages_before = self.stage.messages()?;
        self.messages_sampled = self.messages_before;
        self.expected_end = self.length();
        let samples = if nodes > MANY_NODES { SAMPLES / 10 } else { SAMPLES };
        self.sample_every = (self.expected_end / samples as u32).max(S::SAMPLE_EVERY_MIN);
        self.plan = self.planned();
        Ok(())
    }

    /// Lets time pass until then, with what is planned and with samples on the way.
    pub(super) fn advance(&mut self, to: Duration) -> Outcome {
        self.pass(to, false)
    }

    /// The same when nothing is planned any more: shorter if nothing moves.
    pub(super) fn rest(&mut self, to: Duration) -> Outcome {
        self.pass(to, true)
    }

    fn pass(&mut self, to: Duration, resting: bool) -> Outcome {
        loop {
            let sample_at = self.samples.last().map_or(Duration::ZERO, |sample| {
                Duration::from_micros(sample.at_us) + self.sample_every
            });
            let plan_at = self.plan.next_after().unwrap_or(Duration::MAX);
            let mut next = to.min(sample_at).min(plan_at).max(self.stage.now());
            if resting {
                next = next.min(self.stage.now().saturating_add(S::REST_LOOK_EVERY));
            }
            if next > self.stage.now() {
                self.stage.wait_until(next)?;
            }
            if resting && self.stage.is_quiet()? {
                return Ok(());
            }
            if sample_at <= next {
                self.sample()?;
                let now_s = self.stage.now().as_secs_f64();
                let done = now_s / self.expected_end.as_secs_f64().max(1e-6);
                (self.progress)(super::BUILDING + (1.0 - super::BUILDING) * done.min(1.0));
            } else if plan_at <= next {
                if let Some(planned) = self.plan.next() {
                    self.happen(planned.deed)?;
                }
            } else if to <= next {
                return Ok(());
            }
        }
    }

    pub(super) fn wait_until(
        &mut self,
        line: u32,
        condition: &Condition,
        at_most: Duration,
    ) -> Outcome {
        let limit = self.stage.now() + at_most;
        loop {
            let (held, found) = self.is_so(condition)?;
            if held || self.stage.now() >= limit {
                let waited = if held { "it is so that" } else { "waited in vain until" };
                self.happened(format!("{waited} {}", condition.text));
                self.check(line, condition, held, found);
                return Ok(());
            }
            let next = (self.stage.now() + S::LOOK_EVERY).min(limit);
            self.advance(next)?;
        }
    }

    pub(super) fn is_so(&mut self, condition: &Condition) -> Outcome<(bool, String)> {
        let run = self.look(condition.needs_distances())?;
        Ok(expect::verdict(condition, &run))
    }

    pub(super) fn check(&mut self, line: u32, condition: &Condition, held: bool, found: String) {
        self.checks.push(Check { line, text: condition.text.clone(), held, found });
    }

    /// Looks at the network as it is now.
    pub(super) fn sample(&mut self) -> Outcome {
        self.listen()?;
        let (alive, edges, connected) = standing(&self.stage.overlay()?);
        let messages = self.stage.messages()?;
        let sample = Sample {
            at_us: micros(self.stage.now()),
            alive,
            edges,
            connected,
            messages: messages - std::mem::replace(&mut self.messages_sampled, messages),
            queries: 0,
            found: 0,
        };
        match self.samples.last_mut().filter(|last| last.at_us == sample.at_us) {
            Some(last) => last.messages += sample.messages,
            None => self.samples.push(sample),
        }
        Ok(())
    }

    /// Counts each search in the sample after it began.
    pub(super) fn attribute_searches(&mut self) {
        for row in self.rows.iter().flatten() {
            let at = self.samples.partition_point(|sample| sample.at_us < row.at_us);
            let last = self.samples.len().saturating_sub(1);
            if let Some(sample) = self.samples.get_mut(at.min(last)) {
                sample.queries += 1;
                sample.found += u64::from(row.results > 0);
            }
        }
    }
}
