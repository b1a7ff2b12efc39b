//! What nodes do by themselves: they ask, come and go as the workload of the scenario plans it.

use super::ask::How;
use super::steps::Which;
use super::{Outcome, Play, Stage};
use crate::scenario::file::Nodes;
use crate::sim::workload::{Asker, Deed, Plan};
use crate::sim::{Dice, Fault, NodeId};

impl<S: Stage> Play<'_, S> {
    /// All of it, in order.
    pub(super) fn planned(&self) -> Plan {
        let scenario = self.scenario();
        let (workload, lasts) = (&scenario.workload, scenario.lasts);
        let nodes = self.stage.nodes();
        let dice = Dice::new(self.cast.seed).derive("workload");
        let mut plan = Plan::new();
        if let Some(churn) = &workload.churn {
            plan = plan.with(churn.plan(nodes, lasts, &dice));
        }
        let Some(holdings) = &self.cast.holdings else { return plan };
        let catalogue = holdings.catalogue();
        if let Some(asking) = &workload.questions {
            plan = plan.with(asking.questions.plan(catalogue, nodes, lasts, &dice));
        }
        if let Some(crowd) = &workload.crowd {
            plan = plan.with(crowd.plan(catalogue, &dice));
        }
        plan
    }

    /// One of these happens.
    pub(super) fn happen(&mut self, deed: Deed) -> Outcome {
        match deed {
            Deed::Ask { question, asker } => {
                if let Some(node) = self.asker(asker, question.file) {
                    let how = How { wanted: self.wanted(), ..How::default() };
                    self.ask(node, &question.text, how, None)?;
                }
                Ok(())
            }
            Deed::Want { question, file } => {
                let Some(node) = self.asker(Asker::WithoutCopy, Some(file)) else { return Ok(()) };
                self.ask(node, &question.text, How::default(), None)?;
                let holdings = self.cast.holdings.as_ref();
                let name = holdings.map(|held| held.catalogue().name(file).to_owned());
                self.fetch(node, &name.unwrap_or_default(), &[], None)
            }
            Deed::Leave { node, crashes: true } => self.stage.befall(Fault::Vanish(node)),
            Deed::Leave { node, .. } => self.leave(node),
            Deed::Return { node } => {
                self.stage.befall(Fault::Restart(node))?;
                self.find_neighbours(node)
            }
            Deed::Come { .. } => self.add_newcomer().map(drop),
            Deed::Befall(fault) => self.stage.befall(fault),
        }
    }

    fn wanted(&self) -> Option<u32> {
        self.scenario().workload.questions.as_ref().and_then(|asking| asking.wanted)
    }

    /// A node that asks, at random; none if nobody can.
    fn asker(&mut self, asker: Asker, file: Option<u32>) -> Option<NodeId> {
        if let Asker::Node(node) = asker {
            return Some(node).filter(|&node| self.stage.is_alive(node));
        }
        let asking = self.scenario().workload.questions.as_ref();
        let by = asking.map_or(Nodes::All, |asking| asking.by.clone());
        let without =
            asker == Asker::WithoutCopy || asking.is_some_and(|asking| asking.without_copy);
        let may = |play: &Self, node: NodeId| {
            let held = file.zip(play.cast.holdings.as_ref());
            let has = held.is_some_and(|(file, held)| held.has(node, file));
            play.stage.is_alive(node) && !play.stage.is_liar(node) && !(without && has)
        };
        if by == Nodes::All {
            // Not all have to be listed to choose one.
            let count = u64::from(self.stage.nodes());
            for _ in 0..64 {
                let node = NodeId(self.cast.dice.below(count) as u32);
                if may(self, node) {
                    return Some(node);
                }
            }
        }
        let mut nodes = self.choose(&by, Which::Alive);
        nodes.retain(|&node| may(self, node));
        self.cast.dice.pick(&nodes).copied()
    }
}
