//! What strangers may try on a node, one test or more for each kind of attack; the number in a
//! test's name is that of the attack. What they may cost in memory is in `tests/memory`.
//!
//! | number | attack | number | attack |
//! |---|---|---|---|
//! | 01 | query flood | 13 | hits from private addresses |
//! | 02 | TTL abuse | 16 | path traversal |
//! | 03 | lengths that lie | 17 | HTTP heads as bombs |
//! | 04 | deflate bombs | 18 | ranges that overflow |
//! | 05 | stolen routes of hits | 19 | crowds of slow openers |
//! | 06 | stolen routes of pushes | 20 | XML bombs |
//! | 07 | redirection: others' addresses | 21 | GGEP that breaks its rules |
//! | 08 | amplification by UDP | 22 | storms of offers by UDP |
//! | 09 | poisoned host cache | 23 | clocks that jump |
//! | 10 | ultrapeers of one owner | 24 | what we reveal |
//! | 12 | made-up hits | 25 | vendor messages |
//!
//! Elsewhere, under the same names: 11, tables that match everything (`src/node/tests/routing.rs`);
//! 14 and 15, sources and alternates that lie (`src/node/transfer/tests`); 26, our own interface
//! (`tests/api`); 27, damaged files (`src/driver`); 28, full disks (`tests/sim`).

mod clocks;
mod crowds;
mod datagrams;
mod flooders;
mod heads;
mod hits;
mod links;
mod poisoning;
mod redirection;
mod reveals;
mod sybils;
mod victim;
