//! Choosing nodes by words: `node-3`, `7`, `0..9`, `leaf-*`, `@ultrapeers`, `@random:3`.

use super::{Cluster, ClusterError, Planned};
use crate::node::Rng;

/// Names in a message at most.
const NAMED_MAX: usize = 3;
/// A name that is so much like what was said may be what was meant (Jaro and Winkler).
const ALIKE_MIN: f64 = 0.85;

impl Cluster {
    /// The numbers of the nodes that `words` name, each once, in the order of the words. Commas
    /// join; a word is a name, a number, a range of numbers (`0..9`, both ends among them), a
    /// name with `*` and `?` in it, or `@all`, `@ultrapeers`, `@leaves`, `@random:3`.
    ///
    /// # Errors
    /// A word that names no node.
    pub fn choose(&self, words: &str) -> Result<Vec<u32>, ClusterError> {
        let mut chosen: Vec<u32> = Vec::new();
        for word in words.split(',').map(str::trim) {
            let numbers = self.chosen(word)?;
            let new: Vec<u32> = numbers.into_iter().filter(|n| !chosen.contains(n)).collect();
            chosen.extend(new);
        }
        Ok(chosen)
    }

    /// The one node that a word names.
    ///
    /// # Errors
    /// It names none, or several.
    pub fn choose_one(&self, word: &str) -> Result<u32, ClusterError> {
        match self.choose(word)?[..] {
            [one] => Ok(one),
            ref several => {
                let several = several.len();
                let wrong = format!("{word} names {several} nodes; one is wanted here");
                Err(ClusterError::Plan(wrong))
            }
        }
    }

    fn chosen(&self, word: &str) -> Result<Vec<u32>, ClusterError> {
        let nodes = self.nodes().len();
        let known = |number: u32| match (number as usize) < nodes {
            true => Ok(number),
            false => Err(ClusterError::NoSuchNumber { number, nodes }),
        };
        if let Some(group) = word.strip_prefix('@') {
            return self.group(word, group);
        }
        if let Ok(number) = word.parse() {
            return Ok(vec![known(number)?]);
        }
        if let Some((Ok(first), Ok(last))) =
            word.split_once("..").map(|(first, last)| (first.parse(), last.parse()))
        {
            let _: (u32, u32) = (known(first)?, known(last)?);
            return match first <= last {
                true => Ok((first..=last).collect()),
                false => Err(ClusterError::Plan(format!("{word}: write {last}..{first}"))),
            };
        }
        let fits = |name: &str| matches(word.as_bytes(), name.as_bytes());
        let named = (0..).zip(self.nodes()).filter(|(_, node)| fits(&node.name));
        let named: Vec<u32> = named.map(|(number, _)| number).collect();
        if named.is_empty() { Err(self.nobody(word)) } else { Ok(named) }
    }

    fn group(&self, word: &str, group: &str) -> Result<Vec<u32>, ClusterError> {
        let of_tier = |leaf: bool| {
            let all = (0..).zip(self.nodes()).filter(|(_, node)| node.leaf == leaf);
            all.map(|(number, _)| number).collect::<Vec<u32>>()
        };
        let all = 0..self.nodes().len() as u32;
        let found = match group.split_once(':') {
            None if group == "all" => all.collect(),
            None if group == "ultrapeers" => of_tier(false),
            None if group == "leaves" => of_tier(true),
            None if group == "random" => draw(all.collect(), 1),
            Some(("random", count)) => match count.parse::<usize>() {
                Ok(count) if (1..=self.nodes().len()).contains(&count) => {
                    draw(all.collect(), count)
                }
                _ => {
                    let nodes = self.nodes().len();
                    let wrong = format!("{word}: choose from 1 to {nodes} nodes at random");
                    return Err(ClusterError::Plan(wrong));
                }
            },
            _ => {
                return Err(ClusterError::Plan(format!(
                    "{word} is no group of nodes: there are @all, @ultrapeers, @leaves and @random:3"
                )));
            }
        };
        if found.is_empty() { Err(self.nobody(word)) } else { Ok(found) }
    }

    fn nobody(&self, word: &str) -> ClusterError {
        let nodes = self.nodes();
        let likeness = |node: &&Planned| strsim::jaro_winkler(&node.name, word);
        let near = nodes.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        if let Some(near) = near.filter(|near| likeness(near) > ALIKE_MIN) {
            let wrong = format!("no node of the cluster is {word}; is it {}?", near.name);
            return ClusterError::Plan(wrong);
        }
        let some: Vec<&str> = nodes.iter().take(NAMED_MAX).map(|node| &*node.name).collect();
        let last = nodes.last().filter(|_| nodes.len() > NAMED_MAX);
        let last = last.map_or(String::new(), |node| format!(" ... {}", node.name));
        let wrong = format!("no node of the cluster is {word}: they are {}{last}", some.join(", "));
        ClusterError::Plan(wrong)
    }
}

/// So many of them, each as likely.
fn draw(mut numbers: Vec<u32>, count: usize) -> Vec<u32> {
    let mut seed = [0; 32];
    // Without randomness of the system the same nodes are drawn each time.
    let _ = getrandom::fill(&mut seed);
    Rng::new(seed).shuffle(&mut numbers);
    numbers.truncate(count);
    numbers.sort_unstable();
    numbers
}

/// Whether a name fits a pattern: `*` stands for any letters, `?` for one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        (Some((b'?', rest)), Some((_, after))) => matches(rest, after),
        (Some((letter, rest)), Some((same, after))) if letter == same => matches(rest, after),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        let fits = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
        assert!(fits("leaf-*", "leaf-17") && fits("leaf-?7", "leaf-17") && fits("*", "x"));
        assert!(fits("*-1*", "node-12") && fits("node-3", "node-3"));
        assert!(
            !fits("leaf-?", "leaf-17") && !fits("leaf", "leaf-1") && !fits("node-3", "node-30")
        );
    }

    #[test]
    fn so_many_are_drawn_each_once() {
        let drawn = draw((0..10).collect(), 4);
        assert_eq!(drawn.len(), 4);
        assert!(drawn.is_sorted_by(|a, b| a < b) && drawn.iter().all(|&number| number < 10));
    }
}
