//! A download that is killed in the middle goes on where it stopped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::Value;
use sha1::Digest;

use crate::support::{filbert, text};

const SIZE: usize = 24 << 20;

/// A source under the test's control: serves ranges of one file, and after `limit` bytes in all
/// sends nothing more, without closing. Asked again, it hangs up.
struct Source {
    address: SocketAddr,
    served: Arc<AtomicU64>,
    first_offset: Arc<AtomicU64>,
}

fn source(content: Arc<Vec<u8>>, limit: u64) -> Source {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let (served, first_offset) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
    let state = (Arc::clone(&served), Arc::clone(&first_offset));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (content, state) = (Arc::clone(&content), state.clone());
            // A client that goes away ends the thread; that is what the test is about.
            thread::spawn(move || drop(serve(stream, &content, limit, &state)));
        }
    });
    Source { address, served, first_offset }
}

fn serve(
    stream: TcpStream,
    content: &[u8],
    limit: u64,
    (served, first_offset): &(Arc<AtomicU64>, Arc<AtomicU64>),
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut range = 0..content.len();
        let mut is_file = false;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            is_file |= line.starts_with("GET /uri-res/N2R?");
            if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                let (from, to) = bytes.trim().split_once('-').unwrap_or(("0", ""));
                range.start = from.parse().unwrap_or(0);
                range.end = to.parse::<usize>().map_or(content.len(), |to| to + 1);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        if !is_file || served.load(Ordering::SeqCst) >= limit {
            // It tries to become our neighbour, too; we are only a file.
            return Ok(());
        }
        first_offset.fetch_min(range.start as u64, Ordering::SeqCst);
        write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {}-{}/{}\r\n\r\n",
            range.len(),
            range.start,
            range.end - 1,
            content.len()
        )?;
        for piece in content[range].chunks(64 << 10) {
            if served.load(Ordering::SeqCst) >= limit {
                // Never again a byte, and no end either, until the other side goes.
                lines.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            stream.write_all(piece)?;
            served.fetch_add(piece.len() as u64, Ordering::SeqCst);
        }
    }
}

#[test]
fn killed_in_the_middle_then_resumed_to_equal_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let data_dir = dir.path().join("data");
    let content: Arc<Vec<u8>> =
        Arc::new((0..SIZE as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 23) as u8).collect());
    let sha1 = data_encoding::BASE32_NOPAD.encode(&sha1::Sha1::digest(&*content));
    let magnet = |from: SocketAddr| {
        format!(
            "magnet:?xt=urn:sha1:{sha1}&dn=large.bin&xl={SIZE}&xs=http://{from}/uri-res/N2R?urn:sha1:{sha1}"
        )
    };

    // Two thirds arrive, then nothing more; kill -9 once they are stored.
    let stalls = source(Arc::clone(&content), SIZE as u64 * 2 / 3);
    let mut first = filbert(&data_dir)
        .args(["--json", "get", &magnet(stalls.address), "--set", "listen=127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("filbert runs");
    let stdout = BufReader::new(first.stdout.take().expect("it is piped"));
    let stored = stdout
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .filter_map(|progress| progress["have"].as_u64())
        .find(|have| *have >= SIZE as u64 / 2);
    assert!(stored.is_some(), "half of the file is stored");
    first.kill().expect("it runs");
    first.wait().expect("it is dead");

    // The same magnet again: what was stored is not fetched again.
    let serves = source(Arc::clone(&content), u64::MAX);
    let out = dir.path().join("got.bin");
    let second = filbert(&data_dir)
        .args(["get", &magnet(serves.address), "--set", "listen=127.0.0.1:0", "-o"])
        .arg(&out)
        .output()
        .expect("filbert runs");
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    assert!(fs::read(&out).expect("the file") == *content, "the bytes are equal");
    let (served, from) =
        (serves.served.load(Ordering::SeqCst), serves.first_offset.load(Ordering::SeqCst));
    assert!(from > 0, "the beginning was stored");
    assert!(served < SIZE as u64 * 3 / 4, "only the rest was fetched, not {served} bytes");
}
