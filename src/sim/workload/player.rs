//! Plays a plan in a world: chooses who asks, lets nodes come and go, and takes down what came of
//! every search.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Asker, Deed, Holdings, Plan, Planned, Question, Unfit, amount};
use crate::node::io::{DownloadId, DownloadRequest, SearchId, SearchQuery};
use crate::node::{Command, Time};
use crate::sim::joining::Joining;
use crate::sim::{Dice, Fault, NodeId, Outcome, SearchRecord, World};

/// How often a node is drawn before nobody asks: most of them are dead, or have the file.
const DRAWS_MAX: u32 = 1_000;
/// How long a node that says Bye still runs.
const BYE_LASTS: Duration = Duration::from_secs(5);
/// How often it is looked whether files have arrived.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it is taken for true who can reach whom: finding it out costs a look at every link.
const PARTS_LAST: Duration = Duration::from_secs(10);
/// Neighbours that a node remembers when it leaves.
const REMEMBERED_MAX: usize = 10;

/// How a plan is played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Conduct {
    /// How far queries go; as the nodes are configured if not given.
    pub ttl: Option<u8>,
    /// Searches are stopped and summed up after this time. The world must be able to follow as many queries at
    /// once (`WorldConfig::queries_max`) as are asked within it.
    pub patience_s: f64,
    /// How nodes that come, for the first time or again, find the others. Those that return know
    /// their last neighbours besides.
    pub joining: Joining,
}

impl Default for Conduct {
    fn default() -> Self {
        Conduct { ttl: None, patience_s: 60.0, joining: Joining::default() }
    }
}

impl Conduct {
    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        amount("patience-s", self.patience_s)
    }
}

/// A search and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Searched {
    /// What was asked.
    pub question: Question,
    /// What came of it.
    pub record: SearchRecord,
}

/// A file that a node fetches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fetch {
    /// Who.
    pub node: NodeId,
    /// What.
    pub file: u32,
    /// When it began, in the time of the world.
    pub began_us: u64,
    /// When it was seen to be complete, to the second.
    pub done_us: Option<u64>,
}

/// How many came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Turnover {
    /// Nodes that left.
    pub left: u64,
    /// Nodes that returned.
    pub returned: u64,
    /// Nodes that came for the first time.
    pub came: u64,
}

/// A search that is not summed up yet.
#[derive(Debug)]
struct Pending {
    due: Time,
    search: SearchId,
    asker: NodeId,
    question: Question,
    truth: Vec<NodeId>,
}

/// Plays a plan, bit by bit.
#[derive(Debug)]
pub struct Player {
    /// Who has what.
    pub holdings: Holdings,
    /// The searches that are summed up, in the order in which they were made.
    pub searches: Vec<Searched>,
    /// Questions that nobody was there to ask.
    pub unasked: u64,
    /// What was and is being fetched.
    pub fetches: Vec<Fetch>,
    /// Who came and went.
    pub turnover: Turnover,
    plan: Plan,
    began: Time,
    conduct: Conduct,
    dice: Dice,
    pending: VecDeque<Pending>,
    /// Nodes that have said Bye, and when they die.
    leaving: VecDeque<(Time, NodeId)>,
    /// By node: its last neighbours, if it left.
    remembered: Vec<Vec<NodeId>>,
    /// When it was found out, and in which part of the network each node is.
    parts: Option<(Time, Vec<Option<u32>>)>,
    looked: Time,
}

impl Player {
    /// Will play this plan from now on in this world, whose nodes share what they hold.
    pub fn new(world: &World, holdings: Holdings, plan: Plan, conduct: Conduct) -> Player {
        Player {
            holdings,
            searches: Vec::new(),
            unasked: 0,
            fetches: Vec::new(),
            turnover: Turnover::default(),
            plan,
            began: world.now(),
            conduct,
            dice: world.dice.derive("player"),
            pending: VecDeque::new(),
            leaving: VecDeque::new(),
            remembered: Vec::new(),
            parts: None,
            looked: world.now(),
        }
    }

    /// Plays on for so long.
    pub fn play(&mut self, world: &mut World, lasting: Duration) -> Outcome<()> {
        let end = world.now() + lasting;
        loop {
            self.sum_up(world, world.now());
            self.let_die(world, world.now());
            self.look_for_files(world);
            let planned = self.plan.next_after().map(|after| self.began + after);
            if let Some(at) = planned
                && at <= world.now()
            {
                let deed = self.plan.next().map(|Planned { deed, .. }| deed);
                deed.into_iter().for_each(|deed| self.perform(world, deed));
                continue;
            }
            let due = self.pending.front().map(|pending| pending.due);
            let dies = self.leaving.front().map(|&(at, _)| at);
            let looks = self.is_fetching().then(|| self.looked + LOOK_EVERY);
            let next = [planned, due, dies, looks].into_iter().flatten().min();
            match next.filter(|&next| next <= end) {
                Some(next) => world.run_for(next.since(world.now()))?,
                None => return world.run_for(end.since(world.now())),
            }
        }
    }

    /// Waits until all searches are summed up; nobody comes, goes or asks meanwhile.
    pub fn finish(&mut self, world: &mut World) -> Outcome<()> {
        if let Some(last) = self.pending.back() {
            world.run_for(last.due.since(world.now()))?;
        }
        self.sum_up(world, world.now());
        self.let_die(world, Time::NEVER);
        self.look_for_files(world);
        Ok(())
    }

    fn perform(&mut self, world: &mut World, deed: Deed) {
        match deed {
            Deed::Ask { question, asker } => {
                let asker = self.asker(world, asker, question.file);
                self.ask(world, question, asker);
            }
            Deed::Want { question, file } => {
                let asker = self.asker(world, Asker::WithoutCopy, Some(file));
                if let Some(node) = asker {
                    self.fetch(world, node, file);
                }
                self.ask(world, question, asker);
            }
            Deed::Leave { node, crashes } => self.leave(world, node, crashes),
            Deed::Return { node } => self.bring_back(world, node),
            Deed::Come { .. } => self.bring(world),
            Deed::Befall(fault) => world.befall(fault),
        }
    }

    // Asking.

    fn asker(&mut self, world: &World, asker: Asker, file: Option<u32>) -> Option<NodeId> {
        let without = asker == Asker::WithoutCopy;
        let fits = |player: &Player, node| {
            let has = file.is_some_and(|file| player.has_or_fetches(node, file));
            player.is_there(world, node) && !(without && has)
        };
        if let Asker::Node(node) = asker {
            return (node.0 < world.nodes() && self.is_there(world, node)).then_some(node);
        }
        let mut draw = || NodeId(self.dice.below(world.nodes().into()) as u32);
        let drawn: Vec<NodeId> = (0..8).map(|_| draw()).collect();
        // Mostly one of the first few will do.
        let first = drawn.into_iter().find(|&node| fits(self, node));
        first.or_else(|| {
            (8..DRAWS_MAX).find_map(|_| {
                let node = NodeId(self.dice.below(world.nodes().into()) as u32);
                fits(self, node).then_some(node)
            })
        })
    }

    /// Whether a node lives and is not about to leave.
    fn is_there(&self, world: &World, node: NodeId) -> bool {
        world.is_alive(node) && self.leaving.iter().all(|&(_, leaving)| leaving != node)
    }

    fn has_or_fetches(&self, node: NodeId, file: u32) -> bool {
        self.holdings.has(node, file)
            || self.fetches.iter().any(|fetch| (fetch.node, fetch.file) == (node, file))
    }

    fn ask(&mut self, world: &mut World, question: Question, asker: Option<NodeId>) {
        let Some(asker) = asker else {
            self.unasked += 1;
            return;
        };
        let truth = self.truth(world, &question.text, asker);
        let query = SearchQuery {
            text: question.text.clone(),
            ttl: self.conduct.ttl,
            ..SearchQuery::default()
        };
        let search = world.ask(asker, query);
        let due = world.now() + Duration::from_secs_f64(self.conduct.patience_s);
        self.pending.push_back(Pending { due, search, asker, question, truth });
    }

    /// The nodes that live now, can be reached from the asker and share a match.
    fn truth(&mut self, world: &World, text: &str, asker: NodeId) -> Vec<NodeId> {
        let mut truth = self.holdings.truth(text);
        truth.retain(|&node| node != asker && node.0 < world.nodes() && world.is_alive(node));
        if truth.is_empty() {
            return truth;
        }
        let now = world.now();
        let parts = self.parts.take().filter(|&(at, _)| now.since(at) < PARTS_LAST);
        let (at, parts) = parts.unwrap_or_else(|| (now, world.overlay().parts(world.nodes())));
        let part = |node: NodeId| parts.get(node.0 as usize).copied().flatten();
        let of_asker = part(asker);
        // One that came a moment ago is linked to nobody that is known.
        truth.retain(|&node| of_asker.is_some() && part(node) == of_asker);
        self.parts = Some((at, parts));
        truth
    }

    fn sum_up(&mut self, world: &mut World, until: Time) {
        while let Some(pending) = self.pending.pop_front_if(|pending| pending.due <= until) {
            let Pending { search, asker, question, truth, .. } = pending;
            let mut record = world.search_record(asker, search);
            record.judge(&truth);
            world.command(asker, Command::StopSearch { search });
            world.forget_search(asker, search);
            self.searches.push(Searched { question, record });
        }
    }

    // Fetching.

    fn fetch(&mut self, world: &mut World, node: NodeId, file: u32) {
        let entry = self.holdings.shared_file(file).entry;
        let (name, size) = (entry.name, Some(entry.size));
        let request = DownloadRequest { name, size, sha1: entry.sha1, sources: Vec::new() };
        let download = DownloadId(self.fetches.len() as u64 + 1);
        world.command(node, Command::Download { download, request });
        let began_us = world.now().as_micros();
        self.fetches.push(Fetch { node, file, began_us, done_us: None });
    }

    fn is_fetching(&self) -> bool {
        self.fetches.iter().any(|fetch| fetch.done_us.is_none())
    }

    /// Whoever has got a file shares it.
    fn look_for_files(&mut self, world: &mut World) {
        let now = world.now();
        if now < self.looked + LOOK_EVERY || !self.is_fetching() {
            return;
        }
        self.looked = now;
        for fetch in self.fetches.iter_mut().filter(|fetch| fetch.done_us.is_none()) {
            let name = self.holdings.catalogue().name(fetch.file);
            if world.disk(fetch.node).finished(name).is_some() {
                fetch.done_us = Some(now.as_micros());
                self.holdings.give(fetch.node, fetch.file);
                world.share(fetch.node, self.holdings.shared_file(fetch.file));
            }
        }
    }

    // Coming and going.

    fn leave(&mut self, world: &mut World, node: NodeId, crashes: bool) {
        if node.0 >= world.nodes() || !world.is_alive(node) {
            return;
        }
        self.turnover.left += 1;
        let mut neighbours = world.neighbours(node);
        neighbours.truncate(REMEMBERED_MAX);
        let len = self.remembered.len().max(node.0 as usize + 1);
        self.remembered.resize(len, Vec::new());
        self.remembered[node.0 as usize] = neighbours;
        if crashes {
            world.befall(Fault::Vanish(node));
        } else {
            world.command(node, Command::Shutdown);
            self.leaving.push_back((world.now() + BYE_LASTS, node));
        }
    }

    fn let_die(&mut self, world: &mut World, until: Time) {
        while let Some((_, node)) = self.leaving.pop_front_if(|&mut (at, _)| at <= until) {
            world.befall(Fault::Kill(node));
        }
    }

    fn bring_back(&mut self, world: &mut World, node: NodeId) {
        if node.0 >= world.nodes() {
            return;
        }
        if self.leaving.iter().any(|&(_, leaving)| leaving == node) {
            self.leaving.retain(|&(_, leaving)| leaving != node);
            world.befall(Fault::Kill(node));
        }
        if world.is_alive(node) {
            return;
        }
        self.turnover.returned += 1;
        world.restart(node);
        let last = self.remembered.get_mut(node.0 as usize).map(std::mem::take);
        world.remember(node, &last.unwrap_or_default());
        world.join(node, &self.conduct.joining, &mut self.dice);
    }

    /// One comes that is configured as some other is.
    fn bring(&mut self, world: &mut World) {
        self.turnover.came += 1;
        let like = NodeId(self.dice.below(world.nodes().into()) as u32);
        let shared = self.holdings.shared(NodeId(world.nodes()));
        let Some(config) = world.slots.get(like.0 as usize).map(|slot| slot.config.clone()) else {
            return;
        };
        let node = world.add_node(&config, shared);
        world.join(node, &self.conduct.joining, &mut self.dice);
    }
}
