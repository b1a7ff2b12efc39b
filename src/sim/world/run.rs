//! Letting time pass: from one instant to the next, turn by turn.

use std::time::Duration;

use super::super::NodeId;
use super::super::check::{self, Failure, Violation};
use super::super::event::{Event as Happening, Process};
use super::super::perform::Actor;
use super::super::tape::Turn;
use super::{Outcome, World};
use crate::node::{Chunk, Input, Time};

/// How often a node may want to be woken at once before it is said never to sleep.
const SPINS_MAX: u32 = 1_000;
/// How many events of the nodes involved a failure report shows.
const HISTORY_SHOWN: usize = 40;
/// One turn in so many is followed by a look at the tables of its node: a picture is dear.
const TURNS_PER_LOOK: u64 = 512;
/// A world that is not at rest after so long will not come to rest.
const SETTLE_MAX: Duration = Duration::from_secs(600);

impl World {
    /// Lets so much time pass.
    pub fn run_for(&mut self, time: Duration) -> Outcome<()> {
        let limit = self.now() + time;
        while self.step(limit)? {}
        self.fabric.net.now = limit;
        Ok(())
    }

    /// Runs until it is so, at most for this long. Says whether it came to be so.
    pub fn run_until(
        &mut self,
        at_most: Duration,
        mut is_so: impl FnMut(&World) -> bool,
    ) -> Outcome<bool> {
        let limit = self.now() + at_most;
        loop {
            if is_so(self) {
                return Ok(true);
            }
            if !self.step(limit)? {
                self.fabric.net.now = limit;
                return Ok(false);
            }
        }
    }

    /// Runs until nothing is under way and only deadlines are awaited.
    pub fn settle(&mut self) -> Outcome<()> {
        self.run_until(SETTLE_MAX, |world| {
            world.fabric.net.queue.len() <= world.fabric.net.background
        })?;
        Ok(())
    }

    /// Lets everything happen that happens in the next instant, if that is not after `limit`.
    fn step(&mut self, limit: Time) -> Outcome<bool> {
        self.verdict()?;
        let Some(now) = self.advance(limit) else { return Ok(false) };
        self.fabric.net.now = now.max(self.fabric.net.now);
        loop {
            while let Some(event) = self.fabric.net.queue.pop_same_instant() {
                self.happen(event);
                self.verdict()?;
            }
            if self.in_turn.is_empty() {
                return Ok(true);
            }
            self.end_turns();
            self.verdict()?;
        }
    }

    /// Whether all is well so far.
    fn verdict(&self) -> Outcome<()> {
        let Some(violation) = &self.fabric.violation else { return Ok(()) };
        Err(Box::new(Failure {
            seed: self.seed,
            step: self.fabric.trace.steps(),
            at: self.now(),
            history: self.fabric.trace.last_of(&violation.nodes(), HISTORY_SHOWN),
            violation: violation.clone(),
        }))
    }

    /// The turns of this instant are over: floods leave, credit comes back.
    fn end_turns(&mut self) {
        let mut turns = std::mem::take(&mut self.in_turn);
        let now = self.fabric.net.now;
        turns.retain(|&id| {
            let slot = &mut self.slots[id.0 as usize];
            slot.in_turn = false;
            let age = Time::from_micros(now.as_micros() - slot.born.as_micros());
            let awaits = slot.node.as_ref().is_some_and(|node| node.awaits_turn_over(age));
            // What it has to do of its own accord is then due when it was.
            let has_alarm = slot.wake_at < Time::NEVER;
            if awaits {
                self.hand(id, Input::TurnOver, None);
            }
            awaits || !has_alarm
        });
        let mut credits = std::mem::take(&mut self.credits);
        loop {
            self.fabric.net.take_credits(&mut credits);
            if credits.is_empty() {
                break;
            }
            for (end, len) in credits.drain(..) {
                self.sent(end, len);
            }
        }
        self.credits = credits;
        for id in turns.drain(..) {
            if let Some(node) = &mut self.slots[id.0 as usize].node {
                node.share_tables(&mut self.room);
            }
            self.set_alarm(id);
            self.turns += 1;
            if self.turns.is_multiple_of(TURNS_PER_LOOK) {
                self.look_at_tables(id);
            }
        }
        if self.in_turn.is_empty() {
            self.in_turn = turns;
        }
    }

    fn look_at_tables(&mut self, id: NodeId) {
        let slot = &self.slots[id.0 as usize];
        let Some(view) = slot.node.as_ref().map(|node| node.view()) else { return };
        if let Err(wrong) = check::tables(id, &view, &slot.config) {
            self.fabric.violated(wrong);
        }
    }

    pub(in crate::sim) fn set_alarm(&mut self, id: NodeId) {
        let slot = &mut self.slots[id.0 as usize];
        let Some(deadline) = slot.node.as_ref().and_then(|node| node.deadline()) else { return };
        let at = Time::from_micros(slot.born.as_micros().saturating_add(deadline.as_micros()));
        // One microsecond at least, so that time goes on whatever the node wants.
        let at = at.max(self.fabric.net.now + Duration::from_micros(1));
        if at < slot.wake_at {
            slot.wake_at = at;
            self.fabric.net.background += 1;
            self.fabric.net.queue.push(at, Happening::Wake(id));
        }
    }

    pub(super) fn wake(&mut self, id: NodeId) {
        let now = self.fabric.net.now;
        let slot = &mut self.slots[id.0 as usize];
        if slot.wake_at != now {
            return; // An earlier alarm took its place.
        }
        slot.wake_at = Time::NEVER;
        let Some(deadline) = slot.node.as_ref().and_then(|node| node.deadline()) else { return };
        if deadline.as_micros() > now.as_micros() - slot.born.as_micros() {
            slot.spins = 0;
            return self.set_alarm(id);
        }
        slot.spins = if deadline.as_micros() + 1 < now.as_micros() - slot.born.as_micros() {
            slot.spins + 1
        } else {
            0
        };
        let times = slot.spins;
        if times > SPINS_MAX {
            self.fabric.violated(Violation::NeverSleeps { node: id, times });
        }
        self.feed(id, Input::Wake);
    }

    /// Gives a node an input, and remembers that its turn is to be ended.
    pub(super) fn feed(&mut self, id: NodeId, input: Input<'_>) {
        self.begin_turn(id);
        self.hand(id, input, None);
    }

    /// Remembers that the node's turn is to be ended.
    pub(super) fn begin_turn(&mut self, id: NodeId) {
        let slot = &mut self.slots[id.0 as usize];
        if !std::mem::replace(&mut slot.in_turn, true) {
            self.in_turn.push(id);
        }
    }

    /// Gives a node an input and performs what it wants. `reading` is the end that received
    /// something, and what. Says whether it wanted anything.
    pub(super) fn hand(
        &mut self,
        id: NodeId,
        input: Input<'_>,
        reading: Option<(u32, &Chunk)>,
    ) -> bool {
        let slot = &mut self.slots[id.0 as usize];
        let Some(node) = slot.node.as_mut() else { return false };
        let fabric = &mut self.fabric;
        fabric.trace.input(fabric.net.now, id, &input);
        let age = Time::from_micros(fabric.net.now.as_micros() - slot.born.as_micros());
        let process = Process { node: id, life: slot.life };
        let actor = Actor { process, config: &slot.config, reading };
        if let Some(tape) = self.tapes.get_mut(&id).and_then(Option::as_mut) {
            let mut turn = Turn::new(age, &input);
            turn.actions = node.handle(age, input).collect();
            for action in turn.actions.clone() {
                fabric.perform(actor, action);
            }
            tape.turns.push(turn);
            return tape.turns.last().is_some_and(|turn| !turn.actions.is_empty());
        }
        let mut acted = false;
        if let Input::Sent { .. } = input {
            // Half of all inputs are credit, which needs no room and mostly leads to nothing.
            for action in node.handle(age, input) {
                acted = true;
                fabric.perform(actor, action);
            }
            if acted {
                node.tidy();
            }
            return acted;
        }
        node.enter(&mut self.room);
        for action in node.handle(age, input) {
            acted = true;
            fabric.perform(actor, action);
        }
        node.leave(&mut self.room);
        acted
    }
}
