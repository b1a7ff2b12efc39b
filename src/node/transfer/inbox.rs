//! A head that arrives in pieces; what follows it is not touched.

use crate::node::Config;
use crate::wire::head::{Finder, Head, HeadLimits};

/// What came of the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The head is complete. It ends `used` bytes into the data that was given last.
    Complete {
        head: Vec<u8>,
        used: usize,
    },
    Incomplete,
    TooLarge,
}

/// Collects one head after the other. Holds no buffer between them.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    limits: HeadLimits,
    finder: Finder,
    bytes: Vec<u8>,
}

impl Inbox {
    pub(super) fn new(config: &Config) -> Inbox {
        let limits =
            HeadLimits { bytes_max: config.head_bytes_max, lines_max: config.head_lines_max };
        Inbox { limits, finder: Finder::new(limits), bytes: Vec::new() }
    }

    /// Whether some of a head has come.
    pub(super) fn begun(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Takes what belongs to the head. After `TooLarge` nothing sensible follows.
    pub(super) fn take(&mut self, data: &[u8]) -> Taken {
        let before = self.bytes.len();
        let room = (self.limits.bytes_max as usize).saturating_sub(before);
        self.bytes.extend_from_slice(data.get(..room).unwrap_or(data));
        match self.finder.find(&self.bytes) {
            Head::Complete { len } => {
                let mut head = std::mem::take(&mut self.bytes);
                head.truncate(len);
                self.finder = Finder::new(self.limits);
                Taken::Complete { head, used: len.saturating_sub(before) }
            }
            Head::Incomplete => Taken::Incomplete,
            Head::TooLarge => Taken::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_it_is_split_head_and_rest_are_the_same() {
        let bytes = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nBODY";
        let head_len = bytes.len() - 4;
        for split in 1..bytes.len() {
            let mut inbox = Inbox::new(&Config::default());
            let (first, second) = bytes.split_at(split);
            let mut taken = inbox.take(first);
            let mut begin = 0;
            if split < head_len {
                assert_eq!(taken, Taken::Incomplete);
                (taken, begin) = (inbox.take(second), split);
            }
            let expected =
                Taken::Complete { head: bytes[..head_len].to_vec(), used: head_len - begin };
            assert_eq!(taken, expected);
            assert!(!inbox.begun());
        }
    }

    #[test]
    fn a_head_without_end_is_too_large_at_its_limit() {
        let mut inbox = Inbox::new(&Config { head_bytes_max: 100, ..Config::default() });
        assert_eq!(inbox.take(&[b'a'; 99]), Taken::Incomplete);
        assert_eq!(inbox.take(&[b'a'; 70_000]), Taken::TooLarge);
        assert_eq!(inbox.bytes.len(), 100);
    }
}
