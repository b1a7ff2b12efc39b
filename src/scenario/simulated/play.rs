//! The play: steps one after the other, and what nodes do by themselves meanwhile.

use std::time::Duration;

use super::Check;
use super::ask::How;
use super::stage::{Stage, Which, micros};
use crate::node::Command;
use crate::node::config::Strategy;
use crate::scenario::expect::{self, Condition};
use crate::scenario::file::{Act, Nodes, Step, When};
use crate::scenario::report::{SAMPLES, Sample};
use crate::sim::workload::{Asker, Deed, Plan, Planned};
use crate::sim::{Failure, Fault, NodeId};

type Outcome<T = ()> = Result<T, Box<Failure>>;

/// How often it is looked whether what is waited for is so.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Whoever says Bye is gone after so long.
const BYE: Duration = Duration::from_secs(5);
/// Strategies that ask step by step are given so long at the end, beyond `afterwards`.
const PATIENCE: Duration = Duration::from_secs(60);
/// Above so many nodes the network is looked at less often.
const MANY_NODES: u32 = 20_000;

impl Stage<'_> {
    /// The network stands: from now on time counts.
    pub(super) fn begin(&mut self) {
        self.began = self.world.now();
        let nodes = self.world.nodes();
        for node in (0..nodes).map(NodeId) {
            self.world.events(node);
            let load = self.world.load(node);
            self.before.push((load.messages_sent, load.bytes_sent));
        }
        self.messages_before = self.world.messages();
        self.messages_sampled = self.messages_before;
        self.expected_end = self.length();
        let samples = if nodes > MANY_NODES { SAMPLES / 10 } else { SAMPLES };
        self.sample_every = (self.expected_end / samples as u32).max(Duration::from_millis(100));
        self.plan = self.planned();
    }

    /// How long the play is, as far as its steps tell.
    fn length(&self) -> Duration {
        let steps = self.scenario.steps.iter().fold(Duration::ZERO, |at, step| {
            let at = match step.when {
                When::At(time) => at.max(time),
                When::After(time) => at + time,
            };
            if let Act::Wait(time) = step.act { at + time } else { at }
        });
        steps.max(self.scenario.lasts) + self.scenario.afterwards
    }

    /// What nodes do by themselves.
    fn planned(&self) -> Plan {
        let workload = &self.scenario.workload;
        let (nodes, lasts) = (self.world.nodes(), self.scenario.lasts);
        let dice = crate::sim::Dice::new(self.seed).derive("workload");
        let mut plan = Plan::new();
        if let Some(churn) = &workload.churn {
            plan = plan.with(churn.plan(nodes, lasts, &dice));
        }
        let Some(holdings) = &self.holdings else { return plan };
        let catalogue = holdings.catalogue();
        if let Some(asking) = &workload.questions {
            plan = plan.with(asking.questions.plan(catalogue, nodes, lasts, &dice));
        }
        if let Some(crowd) = &workload.crowd {
            plan = plan.with(crowd.plan(catalogue, &dice));
        }
        plan
    }

    /// Plays all of it.
    pub(super) fn play(&mut self, progress: &mut dyn FnMut(f64)) -> Outcome {
        let scenario = self.scenario;
        let mut last = Duration::ZERO;
        for step in &scenario.steps {
            let due = match step.when {
                When::At(time) => time,
                When::After(time) => last + time,
            };
            self.advance(due, progress)?;
            last = self.now();
            self.act(step, progress)?;
            if matches!(step.act, Act::Wait(_) | Act::WaitUntil(..)) {
                last = self.now();
            }
        }
        self.advance(scenario.lasts.max(self.now()), progress)?;
        self.finish(progress)
    }

    /// The end: late hits come home, strategies that ask step by step come to their end.
    fn finish(&mut self, progress: &mut dyn FnMut(f64)) -> Outcome {
        self.plan = Plan::new();
        let end = self.now() + self.scenario.afterwards;
        self.advance(end, progress)?;
        let by_steps =
            |strategy: Option<Strategy>| !matches!(strategy, None | Some(Strategy::Flood));
        let asks_by_steps = by_steps(Some(self.scenario.config(false).strategy))
            || self.scenario.steps.iter().any(|step| match step.act {
                Act::Search { strategy, .. } => by_steps(strategy),
                _ => false,
            });
        if asks_by_steps {
            self.advance(end + PATIENCE, progress)?;
        }
        for node in (0..self.world.nodes()).map(NodeId) {
            self.listen(node);
        }
        self.sample();
        self.harvest(Duration::ZERO);
        self.attribute_searches();
        progress(1.0);
        Ok(())
    }

    /// Lets time pass until then, with what is planned and with samples on the way.
    fn advance(&mut self, to: Duration, progress: &mut dyn FnMut(f64)) -> Outcome {
        loop {
            let sample_at = self.samples.last().map_or(Duration::ZERO, |sample| {
                Duration::from_micros(sample.at_us) + self.sample_every
            });
            let plan_at = self.plan.next_after().unwrap_or(Duration::MAX);
            let next = to.min(sample_at).min(plan_at).max(self.now());
            if next > self.now() {
                let time = next - self.now();
                self.world.run_for(time)?;
            }
            if sample_at <= next {
                self.sample();
                let done = self.now().as_secs_f64() / self.expected_end.as_secs_f64().max(1e-6);
                progress(0.1 + 0.9 * done.min(1.0));
            } else if plan_at <= next {
                let deed = self.plan.next();
                self.happen(deed);
            } else {
                return Ok(());
            }
        }
    }

    /// Something that was planned.
    fn happen(&mut self, planned: Option<Planned>) {
        let Some(Planned { deed, .. }) = planned else { return };
        match deed {
            Deed::Ask { question, asker } => {
                if let Some(node) = self.asker(asker, question.file) {
                    let how = How { wanted: self.wanted(), ..How::default() };
                    self.ask(node, &question.text, how, None);
                }
            }
            Deed::Want { question, file } => {
                if let Some(node) = self.asker(Asker::WithoutCopy, Some(file)) {
                    self.ask(node, &question.text, How::default(), None);
                    let name =
                        self.holdings.as_ref().map(|held| held.catalogue().name(file).to_owned());
                    self.fetch(node, &name.unwrap_or_default(), &[], None);
                }
            }
            Deed::Leave { node, crashes } if crashes => self.world.befall(Fault::Vanish(node)),
            Deed::Leave { node, .. } => self.leave(node),
            Deed::Return { node } => {
                self.world.befall(Fault::Restart(node));
                self.find_neighbours(node);
            }
            Deed::Come { .. } => {
                self.add_newcomer();
            }
            Deed::Befall(fault) => self.world.befall(fault),
        }
    }

    fn wanted(&self) -> Option<u32> {
        self.scenario.workload.questions.as_ref().and_then(|asking| asking.wanted)
    }

    /// A node that asks, at random; none if nobody can.
    fn asker(&mut self, asker: Asker, file: Option<u32>) -> Option<NodeId> {
        if let Asker::Node(node) = asker {
            return Some(node).filter(|&node| self.world.is_alive(node));
        }
        let asking = self.scenario.workload.questions.as_ref();
        let by = asking.map_or(Nodes::All, |asking| asking.by.clone());
        let without =
            asker == Asker::WithoutCopy || asking.is_some_and(|asking| asking.without_copy);
        let may = |stage: &Self, node: NodeId| {
            let has =
                file.zip(stage.holdings.as_ref()).is_some_and(|(file, held)| held.has(node, file));
            stage.world.is_alive(node) && !stage.world.is_liar(node) && !(without && has)
        };
        if by == Nodes::All {
            // Not all have to be listed to choose one.
            let count = u64::from(self.world.nodes());
            for _ in 0..64 {
                let node = NodeId(self.dice.below(count) as u32);
                if may(self, node) {
                    return Some(node);
                }
            }
        }
        let mut nodes = self.choose(&by, Which::Alive);
        nodes.retain(|&node| may(self, node));
        self.dice.pick(&nodes).copied()
    }

    fn leave(&mut self, node: NodeId) {
        if self.world.is_alive(node) {
            self.world.command(node, Command::Shutdown);
            self.world.schedule(BYE, Fault::Kill(node));
        }
    }

    /// A step.
    fn act(&mut self, step: &Step, progress: &mut dyn FnMut(f64)) -> Outcome {
        match &step.act {
            Act::Search { text, by, ttl, strategy, wanted } => {
                let how = How { ttl: *ttl, strategy: *strategy, wanted: *wanted };
                let nodes = self.choose(by, Which::Alive);
                self.happened(format!("{} for {text:?}", who(&nodes, "searches", "search")));
                for node in nodes {
                    self.ask(node, text, how, step.label.as_deref());
                }
            }
            Act::Share { files, by } => {
                let nodes = self.choose(by, Which::Alive);
                self.happened(format!("{} {} more", who(&nodes, "shares", "share"), files.len()));
                for file in files {
                    let shared = self.name_file(file, &nodes);
                    for &node in &nodes {
                        self.world.share(node, shared.clone());
                    }
                }
            }
            Act::Download { file, by, from } => {
                let from =
                    from.as_ref().map(|from| self.choose(from, Which::Alive)).unwrap_or_default();
                let nodes = self.choose(by, Which::Alive);
                self.happened(format!("{} {file:?}", who(&nodes, "downloads", "download")));
                for node in nodes {
                    self.fetch(node, file, &from, step.label.as_deref());
                }
            }
            Act::Wait(time) => self.advance(self.now() + *time, progress)?,
            Act::WaitUntil(condition, at_most) => {
                self.wait_until(step.line, condition, *at_most, progress)?
            }
            Act::Expect(condition) => {
                let (held, found) = self.is_so(condition);
                self.check(step.line, condition, held, found);
            }
            other => self.befall(other),
        }
        Ok(())
    }

    /// Something breaks, or mends.
    fn befall(&mut self, act: &Act) {
        match act {
            Act::Kill(of) => self.each(of, Which::Alive, "is killed", "are killed", Fault::Kill),
            Act::Vanish(of) => self.each(of, Which::Alive, "vanishes", "vanish", Fault::Vanish),
            Act::Restart(of) => {
                let nodes = self.choose(of, Which::Dead);
                self.happened(who(&nodes, "comes back", "come back"));
                for node in nodes {
                    self.world.befall(Fault::Restart(node));
                    self.find_neighbours(node);
                }
            }
            Act::Leave(of) => {
                let nodes = self.choose(of, Which::Alive);
                self.happened(who(&nodes, "leaves", "leave"));
                nodes.into_iter().for_each(|node| self.leave(node));
            }
            Act::Join(count) => {
                let nodes: Vec<NodeId> = (0..*count).map(|_| self.add_newcomer()).collect();
                self.happened(who(&nodes, "joins", "join"));
            }
            Act::Partition(of) => {
                let nodes = self.choose(of, Which::All);
                self.happened(format!(
                    "{} from the others",
                    who(&nodes, "is cut off", "are cut off")
                ));
                self.world.befall(Fault::Partition(nodes));
            }
            Act::Clog(a, b) => self.pairs(a, b, "nothing gets through between", |stage, a, b| {
                stage.world.befall(Fault::Clog(a, b));
            }),
            Act::Link(a, b) => self.pairs(a, b, "new links between", |stage, a, b| {
                stage.world.connect(a, b);
            }),
            Act::Attack(of, misdeed) => {
                let nodes = self.choose(of, Which::Alive);
                self.happened(who(&nodes, "begins to do harm", "begin to do harm"));
                for node in nodes {
                    self.world.corrupt(node, std::slice::from_ref(misdeed));
                    self.find_neighbours(node);
                }
            }
            Act::Delay(latency) => {
                self.happened("latencies change");
                self.world.set_latency(*latency);
            }
            Act::Heal => {
                self.happened("everything heals");
                self.world.befall(Fault::Heal);
                self.world.set_latency(self.scenario.links.latency);
                if let Some(graph) = self.graph.clone() {
                    self.world.mend(&graph);
                }
            }
            _ => {}
        }
    }

    fn each(
        &mut self,
        of: &Nodes,
        which: Which,
        one: &str,
        many: &str,
        fault: impl Fn(NodeId) -> Fault,
    ) {
        let nodes = self.choose(of, which);
        self.happened(who(&nodes, one, many));
        for node in nodes {
            self.world.befall(fault(node));
        }
    }

    fn pairs(
        &mut self,
        a: &Nodes,
        b: &Nodes,
        what: &str,
        each: impl Fn(&mut Self, NodeId, NodeId),
    ) {
        let (left, right) = (self.choose(a, Which::Alive), self.choose(b, Which::Alive));
        self.happened(format!("{what} {a} and {b}"));
        for &a in &left {
            for &b in right.iter().filter(|&&b| b != a) {
                each(self, a, b);
            }
        }
    }

    fn wait_until(
        &mut self,
        line: u32,
        condition: &Condition,
        at_most: Duration,
        progress: &mut dyn FnMut(f64),
    ) -> Outcome {
        let limit = self.now() + at_most;
        loop {
            let (held, found) = self.is_so(condition);
            if held || self.now() >= limit {
                let waited = if held { "it is so that" } else { "waited in vain until" };
                self.happened(format!("{waited} {}", condition.text));
                self.check(line, condition, held, found);
                return Ok(());
            }
            let next = (self.now() + LOOK_EVERY).min(limit);
            self.advance(next, progress)?;
        }
    }

    fn is_so(&mut self, condition: &Condition) -> (bool, String) {
        let run = self.look(condition.needs_distances());
        expect::verdict(condition, &run)
    }

    fn check(&mut self, line: u32, condition: &Condition, held: bool, found: String) {
        self.checks.push(Check { line, text: condition.text.clone(), held, found });
    }

    /// Looks at the network as it is now.
    fn sample(&mut self) {
        for node in self.said_much() {
            self.listen(node);
        }
        let (alive, edges, connected) = self.standing();
        let messages = self.world.messages();
        let sample = Sample {
            at_us: micros(self.now()),
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
    }

    /// The nodes whose words are taken now, so that they do not pile up.
    fn said_much(&self) -> Vec<NodeId> {
        (0..self.world.nodes())
            .map(NodeId)
            .filter(|&node| !self.world.said(node).is_empty())
            .collect()
    }

    /// Counts each search in the sample after it began.
    fn attribute_searches(&mut self) {
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

fn who(nodes: &[NodeId], one: &str, many: &str) -> String {
    match nodes {
        [] => format!("nobody {one}"),
        [node] => format!("node {} {one}", node.0),
        nodes => format!("{} nodes {many}", nodes.len()),
    }
}
