//! The steps of a scenario, one after the other.

use std::time::Duration;

use super::ask::How;
use super::{Outcome, Play, Stage};
use crate::node::config::Strategy;
use crate::scenario::file::{Act, Nodes, Step, When};
use crate::sim::workload::{Deed, Plan, Planned};
use crate::sim::{Fault, NodeId, faults};

/// Strategies that ask step by step are given so long at the end, beyond `afterwards`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which nodes of those that are named are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Alive,
    Dead,
    All,
}

impl<S: Stage> Play<'_, S> {
    /// How long the play is, as far as its steps tell.
    pub(super) fn length(&self) -> Duration {
        let scenario = self.scenario();
        let steps = scenario.steps.iter().fold(Duration::ZERO, |at, step| {
            let at = match step.when {
                When::At(time) => at.max(time),
                When::After(time) => at + time,
            };
            if let Act::Wait(time) = step.act { at + time } else { at }
        });
        let lasting = scenario.steps.iter().map(|step| match step.act {
            Act::SwizzleClog { lasts, .. } => lasts,
            _ => Duration::ZERO,
        });
        let steps = steps + lasting.max().unwrap_or_default();
        steps.max(scenario.lasts) + scenario.afterwards
    }

    /// Plays all of it.
    pub(super) fn play(&mut self) -> Outcome {
        let scenario = self.scenario();
        let mut last = Duration::ZERO;
        for step in &scenario.steps {
            let due = match step.when {
                When::At(time) => time,
                When::After(time) => last + time,
            };
            self.advance(due)?;
            last = self.stage.now();
            self.act(step)?;
            if matches!(step.act, Act::Wait(_) | Act::WaitUntil(..)) {
                last = self.stage.now();
            }
        }
        self.advance(scenario.lasts.max(self.busy_until).max(self.stage.now()))?;
        self.finish()
    }

    /// The end: late hits come home, strategies that ask step by step come to their end.
    fn finish(&mut self) -> Outcome {
        let scenario = self.scenario();
        self.plan = Plan::new();
        let end = self.stage.now() + scenario.afterwards;
        self.rest(end)?;
        let by_steps =
            |strategy: Option<Strategy>| !matches!(strategy, None | Some(Strategy::Flood));
        let asks_by_steps = by_steps(Some(scenario.config(false).strategy))
            || scenario.steps.iter().any(|step| match step.act {
                Act::Search { strategy, .. } => by_steps(strategy),
                _ => false,
            });
        if asks_by_steps {
            self.rest(end + PATIENCE)?;
        }
        self.listen()?;
        self.sample()?;
        self.harvest(Duration::ZERO)?;
        self.attribute_searches();
        (self.progress)(1.0);
        Ok(())
    }

    /// The nodes that a phrase means, in order.
    pub(super) fn choose(&mut self, nodes: &Nodes, which: Which) -> Vec<NodeId> {
        let stage = &*self.stage;
        self.cast.choose(nodes, stage.nodes(), &|node| match which {
            Which::Alive => stage.is_alive(node),
            Which::Dead => !stage.is_alive(node),
            Which::All => true,
        })
    }

    fn act(&mut self, step: &Step) -> Outcome {
        match &step.act {
            Act::Search { text, by, ttl, strategy, wanted } => {
                let how = How { ttl: *ttl, strategy: *strategy, wanted: *wanted };
                let nodes = self.choose(by, Which::Alive);
                self.happened(format!("{} for {text:?}", who(&nodes, "searches", "search")));
                for node in nodes {
                    self.ask(node, text, how, step.label.as_deref())?;
                }
            }
            Act::Share { files, by } => {
                let nodes = self.choose(by, Which::Alive);
                self.happened(format!("{} {} more", who(&nodes, "shares", "share"), files.len()));
                for file in files {
                    let shared = self.cast.name_file(file, &nodes);
                    for &node in &nodes {
                        self.stage.share(node, shared.clone())?;
                    }
                }
            }
            Act::Download { file, by, from } => {
                let from =
                    from.as_ref().map(|from| self.choose(from, Which::Alive)).unwrap_or_default();
                let nodes = self.choose(by, Which::Alive);
                self.happened(format!("{} {file:?}", who(&nodes, "downloads", "download")));
                for node in nodes {
                    self.fetch(node, file, &from, step.label.as_deref())?;
                }
            }
            Act::Wait(time) => self.advance(self.stage.now() + *time)?,
            Act::WaitUntil(condition, at_most) => {
                self.wait_until(step.line, condition, *at_most)?
            }
            Act::Expect(condition) => {
                let (held, found) = self.is_so(condition)?;
                self.check(step.line, condition, held, found);
            }
            other => self.befall(other)?,
        }
        Ok(())
    }

    /// Something breaks, or mends.
    fn befall(&mut self, act: &Act) -> Outcome {
        match act {
            Act::Kill(of) => self.each(of, "is killed", "are killed", Fault::Kill),
            Act::Vanish(of) => self.each(of, "vanishes", "vanish", Fault::Vanish),
            Act::Restart { of, fresh } => {
                let nodes = self.choose(of, Which::Dead);
                self.happened(match fresh {
                    true => who(&nodes, "comes back as new", "come back as new"),
                    false => who(&nodes, "comes back", "come back"),
                });
                let fault = if *fresh { Fault::Reinstall } else { Fault::Restart };
                nodes.into_iter().try_for_each(|node| {
                    self.stage.befall(fault(node))?;
                    self.find_neighbours(node)
                })
            }
            Act::Leave(of) => {
                let nodes = self.choose(of, Which::Alive);
                self.happened(who(&nodes, "leaves", "leave"));
                nodes.into_iter().try_for_each(|node| self.leave(node))
            }
            Act::Join(count) => {
                let nodes: Vec<NodeId> =
                    (0..*count).map(|_| self.add_newcomer()).collect::<Outcome<_>>()?;
                self.happened(who(&nodes, "joins", "join"));
                Ok(())
            }
            Act::Partition(of) => {
                let nodes = self.choose(of, Which::All);
                let cut = who(&nodes, "is cut off", "are cut off");
                self.happened(format!("{cut} from the others"));
                self.stage.befall(Fault::Partition(nodes))
            }
            Act::Befall(of, harm) => {
                let which = if harm.needs_life() { Which::Alive } else { Which::All };
                let nodes = self.choose(of, which);
                let (one, many) = harm.words();
                self.happened(who(&nodes, one, many));
                for node in nodes {
                    for fault in harm.faults(node, &mut self.cast.dice) {
                        self.stage.befall(fault)?;
                    }
                }
                Ok(())
            }
            Act::SwizzleClog { part, lasts } => self.swizzle_clog(*part, *lasts),
            Act::Clog(a, b) => self.pairs(a, b, "nothing gets through between", |stage, a, b| {
                stage.befall(Fault::Clog(a, b))
            }),
            Act::Link(a, b) => self.pairs(a, b, "new links between", S::link),
            Act::Attack(of, misdeed) => {
                let nodes = self.choose(of, Which::Alive);
                self.happened(who(&nodes, "begins to do harm", "begin to do harm"));
                nodes.into_iter().try_for_each(|node| {
                    self.stage.corrupt(node, misdeed)?;
                    self.find_neighbours(node)
                })
            }
            Act::Delay(latency) => {
                self.happened("latencies change");
                self.stage.set_latency(*latency)
            }
            Act::Heal => {
                self.happened("everything heals");
                self.stage.befall(Fault::Heal)?;
                self.stage.set_latency(self.scenario().links.latency)?;
                match self.cast.graph.clone() {
                    Some(graph) => self.stage.mend(&graph),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Links stop one by one and are released in another order: planned from now on.
    fn swizzle_clog(&mut self, part: f64, lasts: Duration) -> Outcome {
        let overlay = self.stage.overlay()?;
        let node = |place: u32| overlay.nodes.get(place as usize).copied();
        let edges = overlay.graph.edges().iter();
        let links: Vec<(NodeId, NodeId)> =
            edges.filter_map(|&(a, b)| Some((node(a)?, node(b)?))).collect();
        let now = self.stage.now();
        let plan = faults::swizzle_clog(&mut self.cast.dice, &links, part, lasts);
        let stopped = plan.len() / 2;
        let planned = plan
            .into_iter()
            .map(move |(after, fault)| Planned { after: now + after, deed: Deed::Befall(fault) });
        self.plan = std::mem::take(&mut self.plan).with(planned);
        self.busy_until = self.busy_until.max(now + lasts);
        self.happened(format!("{stopped} links stop one by one and are released again"));
        Ok(())
    }

    fn each(
        &mut self,
        of: &Nodes,
        one: &str,
        many: &str,
        fault: impl Fn(NodeId) -> Fault,
    ) -> Outcome {
        let nodes = self.choose(of, Which::Alive);
        self.happened(who(&nodes, one, many));
        nodes.into_iter().try_for_each(|node| self.stage.befall(fault(node)))
    }

    fn pairs(
        &mut self,
        a: &Nodes,
        b: &Nodes,
        what: &str,
        each: impl Fn(&mut S, NodeId, NodeId) -> Outcome,
    ) -> Outcome {
        let (left, right) = (self.choose(a, Which::Alive), self.choose(b, Which::Alive));
        self.happened(format!("{what} {a} and {b}"));
        for &a in &left {
            for &b in right.iter().filter(|&&b| b != a) {
                each(self.stage, a, b)?;
            }
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, node: NodeId) -> Outcome {
        if self.stage.is_alive(node) { self.stage.leave(node) } else { Ok(()) }
    }

    /// A new node comes.
    pub(super) fn add_newcomer(&mut self) -> Outcome<NodeId> {
        let node = NodeId(self.stage.nodes());
        let member = self.cast.newcomer(node);
        self.stage.add(member)?;
        self.find_neighbours(node)?;
        Ok(node)
    }

    /// Gives a node that has none neighbours: those of the graph, some others, or by its own means.
    pub(super) fn find_neighbours(&mut self, node: NodeId) -> Outcome {
        let stage = &*self.stage;
        let nodes = stage.nodes();
        let alive = |other: NodeId| stage.is_alive(other);
        let Some(near) = self.cast.neighbours(node, nodes, &alive) else {
            let known = self.cast.acquaintances(node, nodes, &alive);
            return self.stage.remember(node, &known);
        };
        for other in near {
            if self.stage.is_alive(other) && !self.stage.is_linked(node, other)? {
                self.stage.link(node, other)?;
            }
        }
        Ok(())
    }
}

fn who(nodes: &[NodeId], one: &str, many: &str) -> String {
    match nodes {
        [] => format!("nobody {one}"),
        [node] => format!("node {} {one}", node.0),
        nodes => format!("{} nodes {many}", nodes.len()),
    }
}
