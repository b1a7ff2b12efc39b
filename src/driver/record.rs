//! `--record`: all that a node is told, and a digest of what it answers.
//!
//! The file: a line of magic, one frame with the [`Beginning`], then for every input a frame with
//! `(Time, Input)` and 8 bytes of digest. A frame is its length (4 bytes, little endian) and a
//! value as [`codec`] appends it. The digest of an input covers its actions and the digest before, so that the first
//! one that differs in a replay names the input at which the runs parted. Writing is done by a
//! thread of its own; a file that ends in the middle of a frame is what a killed servent leaves.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use super::codec;
use crate::node::{Action, Config, Input, Time, WallTime};
use crate::wire::Guid;

/// The first line of a record; the number is the version of all that follows.
pub(super) const MAGIC: &[u8] = b"filbert record 1\n";

/// Bytes gathered before they are handed to the writing thread.
const GATHERED_BYTES: usize = 256 << 10;

/// What was gathered is handed over after so long, however little it is.
const GATHERED_FOR: Duration = Duration::from_millis(200);

/// Buffers that wait for the disk; when it is slower than the node for long, the node waits,
/// because a record with holes is worth nothing.
const BUFFERS_WAITING_MAX: usize = 32;

/// What a node was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Beginning {
    /// The version of filbert that wrote the record.
    pub(super) version: String,
    /// How the node behaves.
    pub(super) config: Config,
    /// Its name.
    pub(super) guid: Guid,
    /// Its randomness.
    pub(super) seed: [u8; 32],
    /// When it began.
    pub(super) started_at: WallTime,
}

impl Beginning {
    /// What a node of this version is made of.
    pub(super) fn new(
        config: &Config,
        guid: Guid,
        seed: [u8; 32],
        started_at: WallTime,
    ) -> Beginning {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Beginning { version, config: config.clone(), guid, seed, started_at }
    }
}

/// A record that is being written.
#[derive(Debug)]
pub(super) struct Recorder {
    gathered: Vec<u8>,
    gathering_since: Instant,
    digest: Running,
    is_open: bool,
    writer: Option<(SyncSender<Vec<u8>>, JoinHandle<()>)>,
}

impl Recorder {
    /// Creates the file (or empties it).
    pub(super) fn create(path: &Path, beginning: &Beginning) -> io::Result<Recorder> {
        let mut file = File::create(path)?;
        let mut first = MAGIC.to_vec();
        put_frame(&mut first, beginning);
        file.write_all(&first)?;
        let (buffers, waiting) = sync_channel::<Vec<u8>>(BUFFERS_WAITING_MAX);
        let write = move || {
            for buffer in waiting {
                if let Err(error) = file.write_all(&buffer) {
                    log::error!(error:% = error; "the record ends here: it cannot be written");
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("filbert-record".to_owned()).spawn(write)?;
        Ok(Recorder {
            gathered: Vec::new(),
            gathering_since: Instant::now(),
            digest: Running::default(),
            is_open: false,
            writer: Some((buffers, thread)),
        })
    }

    /// The node is told this.
    pub(super) fn input(&mut self, now: Time, input: &Input<'_>) {
        self.seal();
        put_frame(&mut self.gathered, &(now, input));
        self.is_open = true;
    }

    /// It answers this.
    pub(super) fn action(&mut self, action: &Action) {
        self.digest.add(action);
    }

    /// A good moment to hand over what was gathered.
    pub(super) fn turn_over(&mut self) {
        self.seal();
        if self.gathered.len() >= GATHERED_BYTES || self.gathering_since.elapsed() >= GATHERED_FOR {
            self.hand_over();
        }
    }

    fn seal(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.gathered.extend_from_slice(&self.digest.seal());
        }
    }

    fn hand_over(&mut self) {
        self.gathering_since = Instant::now();
        let buffer = std::mem::take(&mut self.gathered);
        if let Some((buffers, _)) = &self.writer
            && buffers.send(buffer).is_err()
        {
            // The thread has said why it ended.
            self.writer = None;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.seal();
        self.hand_over();
        if let Some((buffers, thread)) = self.writer.take() {
            drop(buffers);
            // It cannot panic, and what it could not write it has said.
            let _ = thread.join();
        }
    }
}

/// A record in memory, of a node that somebody else runs.
#[derive(Debug)]
pub struct Recording {
    bytes: Vec<u8>,
    digest: Running,
}

impl Recording {
    /// A record of a node that is made of this.
    pub fn new(config: &Config, guid: Guid, seed: [u8; 32], started_at: WallTime) -> Recording {
        let mut bytes = MAGIC.to_vec();
        put_frame(&mut bytes, &Beginning::new(config, guid, seed, started_at));
        Recording { bytes, digest: Running::default() }
    }

    /// The node was told this, then, and wanted that done.
    pub fn add(&mut self, now: Time, input: &Input<'_>, actions: &[Action]) {
        put_frame(&mut self.bytes, &(now, input));
        actions.iter().for_each(|action| self.digest.add(action));
        let digest = self.digest.seal();
        self.bytes.extend_from_slice(&digest);
    }

    /// The file's content.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn put_frame(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    codec::append(bytes, value);
    let len = u32::try_from(bytes.len() - start - 4).unwrap_or(u32::MAX);
    bytes[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// The digest of all actions so far.
#[derive(Debug, Default)]
pub(super) struct Running {
    hash: Sha1,
    scratch: Vec<u8>,
}

impl Running {
    /// One more action.
    pub(super) fn add(&mut self, action: &Action) {
        if let Action::Send { conn, chunk } = action {
            // By far the most: without a copy, and whatever run the bytes lie in.
            self.hash.update(conn.0.to_le_bytes());
            self.hash.update(chunk.len().to_le_bytes());
            self.hash.update(chunk.bytes());
            return;
        }
        self.scratch.clear();
        codec::append(&mut self.scratch, action);
        self.hash.update(&self.scratch);
    }

    /// The digest now; what comes later is digested together with it.
    pub(super) fn seal(&mut self) -> [u8; 8] {
        let whole = std::mem::take(&mut self.hash).finalize();
        let mut digest = [0; 8];
        digest.copy_from_slice(&whole[..8]);
        self.hash.update(digest);
        digest
    }
}
