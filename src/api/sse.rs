//! Server-sent events as bytes: the server writes them, the client reads them.

/// Bytes of one event at most; a longer one is no event of ours.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// Cuts a byte stream into the data of its events.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    searched: usize,
}

/// The stream holds an event larger than any of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Reader {
    /// Takes more bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.buffer.len() + bytes.len() > EVENT_BYTES_MAX {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The data of the next complete event; comments and events without data are passed over.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let gap = self.buffer[self.searched..].windows(2).position(|pair| pair == b"\n\n");
            let Some(end) = gap.map(|at| self.searched + at) else {
                self.searched = self.buffer.len().saturating_sub(1);
                return None;
            };
            let data = data_of(&self.buffer[..end]);
            self.buffer.drain(..end + 2);
            self.searched = 0;
            if data.is_some() {
                return data;
            }
        }
    }
}

fn data_of(block: &[u8]) -> Option<Vec<u8>> {
    let mut lines = block.split(|&byte| byte == b'\n').filter_map(|line| {
        let value = line.strip_prefix(b"data:")?;
        Some(value.strip_prefix(b" ").unwrap_or(value))
    });
    let mut data = lines.next()?.to_vec();
    for line in lines {
        data.push(b'\n');
        data.extend_from_slice(line);
    }
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_wherever_the_bytes_are_split() {
        let stream =
            b": hello\n\nevent: a\ndata: {\"x\":1}\n\n: tick\n\ndata:2\ndata: 3\n\ndata: open";
        for split in 0..stream.len() {
            let mut reader = Reader::default();
            let mut events = Vec::new();
            for part in [&stream[..split], &stream[split..]] {
                reader.push(part).unwrap();
                while let Some(event) = reader.next() {
                    events.push(String::from_utf8(event).unwrap());
                }
            }
            assert_eq!(events, ["{\"x\":1}", "2\n3"], "split at {split}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = Reader::default();
        reader.push(&vec![b'x'; EVENT_BYTES_MAX]).unwrap();
        assert_eq!(reader.next(), None);
        assert_eq!(reader.push(b"x"), Err(TooLong));
    }
}
