//! Reads along with what a node sends on one connection, far enough to see its descriptors.
//!
//! A Gnutella connection begins with heads (two from the side that connected, one from the other)
//! and goes on with descriptors; anything else, and what is compressed, is not looked at.

use crate::wire::{HEADER_LEN, Header};

/// Heads longer than this are no Gnutella handshake.
const HEAD_BYTES_MAX: usize = 32_768;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Stage {
    /// Nothing or part of the first head has been seen.
    #[default]
    Opening,
    /// The first of two heads is through.
    SecondHead,
    /// Descriptors, in the clear.
    Descriptors,
    /// Not Gnutella, or compressed.
    Opaque,
}

/// How far the reading of one direction of one connection has come. Kept small: every end of every
/// connection has one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Follower {
    /// Payload bytes still to come of the descriptor whose header is through.
    payload_left: u32,
    stage: Stage,
    is_amid: bool,
}

impl Follower {
    /// Reads on; calls `each` with the header of every descriptor whose header is complete now.
    /// `begun` is the beginning of a head or header that is not complete yet: to be handed over
    /// again as it was left if [`Follower::is_amid`] one, and empty if not.
    pub(super) fn read(
        &mut self,
        accepted: bool,
        bytes: &[u8],
        begun: &mut Vec<u8>,
        mut each: impl FnMut(&Header),
    ) {
        match self.stage {
            Stage::Opaque => {}
            Stage::Descriptors if !self.is_amid => {
                begun.extend_from_slice(self.descriptors(bytes, &mut each));
            }
            _ => {
                let mut all = std::mem::take(begun);
                all.extend_from_slice(bytes);
                let begin = self.heads(accepted, &all);
                if self.stage == Stage::Descriptors {
                    begun.extend_from_slice(self.descriptors(&all[begin..], &mut each));
                } else if self.stage != Stage::Opaque {
                    *begun = all.split_off(begin);
                }
            }
        }
        self.is_amid = !begun.is_empty();
    }

    /// Whether the beginning of a head or header is through and its end is not.
    #[inline]
    pub(super) fn is_amid(self) -> bool {
        self.is_amid
    }

    /// Whether the stream is between two descriptors.
    pub(super) fn is_between(self) -> bool {
        self.stage == Stage::Descriptors && self.payload_left == 0 && !self.is_amid
    }

    /// Passes over complete heads; returns where they end.
    fn heads(&mut self, accepted: bool, all: &[u8]) -> usize {
        let mut begin = 0;
        while matches!(self.stage, Stage::Opening | Stage::SecondHead) {
            let rest = &all[begin..];
            let gnutella = b"GNUTELLA";
            let known = rest.len().min(gnutella.len());
            if rest[..known] != gnutella[..known] || rest.len() > HEAD_BYTES_MAX {
                self.stage = Stage::Opaque;
            }
            let Some(len) = rest.windows(4).position(|end| end == b"\r\n\r\n") else { break };
            let head = rest[..len].to_ascii_lowercase();
            let encoding = b"content-encoding: deflate";
            let deflate = head.windows(encoding.len()).any(|line| line == encoding);
            self.stage = match self.stage {
                Stage::Opening if !accepted => Stage::SecondHead,
                _ if deflate => Stage::Opaque,
                _ => Stage::Descriptors,
            };
            begin += len + 4;
        }
        begin
    }

    /// Returns the beginning of a header.
    #[inline]
    fn descriptors<'a>(&mut self, mut bytes: &'a [u8], each: &mut impl FnMut(&Header)) -> &'a [u8] {
        loop {
            let skipped = bytes.len().min(self.payload_left as usize);
            self.payload_left -= skipped as u32;
            bytes = &bytes[skipped..];
            let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else { break };
            let header = Header::decode(header);
            self.payload_left = header.len;
            bytes = rest;
            each(&header);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Guid, Kind};

    fn descriptor(number: u8, len: u32) -> Vec<u8> {
        let guid = Guid([number; 16]);
        let header = Header { guid, kind: Kind::QUERY, ttl: 3, hops: 0, len };
        [header.encode().to_vec(), vec![0; len as usize]].concat()
    }

    fn followed(accepted: bool, stream: &[u8], piece: usize) -> Vec<u8> {
        let mut follower = Follower::default();
        let (mut seen, mut begun) = (Vec::new(), Vec::new());
        for bytes in stream.chunks(piece) {
            follower.read(accepted, bytes, &mut begun, |header| seen.push(header.guid.0[0]));
            assert_eq!(follower.is_amid(), !begun.is_empty());
        }
        seen
    }

    #[test]
    fn sees_every_descriptor_however_the_stream_is_cut() {
        let descriptors = [descriptor(1, 30), descriptor(2, 0), descriptor(3, 1)].concat();
        let one = b"GNUTELLA/0.6 200 OK\r\nX-Try: a\r\n\r\n".to_vec();
        let two = b"GNUTELLA CONNECT/0.6\r\n\r\nGNUTELLA/0.6 200 OK\r\n\r\n".to_vec();
        for piece in [1, 2, 7, 22, 23, 24, 1_000] {
            let accepted = followed(true, &[&one[..], &descriptors].concat(), piece);
            let ordered = followed(false, &[&two[..], &descriptors].concat(), piece);
            assert_eq!((accepted, ordered), (vec![1, 2, 3], vec![1, 2, 3]), "in pieces of {piece}");
        }
    }

    #[test]
    fn looks_away_from_compressed_links_and_from_http() {
        let deflated = b"GNUTELLA/0.6 200 OK\r\nContent-Encoding: deflate\r\n\r\n".to_vec();
        let http = b"GET /get/1/a HTTP/1.1\r\n\r\n".to_vec();
        for head in [deflated, http] {
            assert_eq!(followed(true, &[head, descriptor(1, 0)].concat(), 5), Vec::<u8>::new());
        }
    }
}
