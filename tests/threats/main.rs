//! What strangers may try on a node, one test or more for each kind of attack; the number in a
//! test's name is that of the attack. What they may cost in memory is in `tests/memory`.
//!
//! | number | attack | number | attack |
//! |---|---|---|---|
//! | 01 | query flood | 09 | poisoned host cache |
//! | 02 | TTL abuse | 16 | path traversal |
//! | 03 | lengths that lie | 17 | HTTP heads as bombs |
//! | 04 | deflate bombs | 18 | ranges that overflow |
//! | 05 | stolen routes of hits | 19 | crowds of slow openers |
//! | 06 | stolen routes of pushes | 20 | XML bombs |
//! | 07 | redirection: others' addresses | 21 | GGEP that breaks its rules |
//! | 08 | amplification by UDP | 25 | vendor messages |
//! | 10 | ultrapeers of one owner | 12 | made-up hits |
//! | 13 | hits from private addresses | | |

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
