//! What a download costs: `cargo bench --bench download`.
//!
//! Two servents in this process, one file of 1 GiB (or as many MiB as the first argument says) on
//! loopback, verified by its SHA-1. Beside it in the same run what must be done at least: a plain
//! copy over loopback into a file, then a SHA-1 over that file. Prints a table and asserts nothing
//! about time.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use filbert::driver::{Driver, Handle, Heard, Setup};
use filbert::library::FileIndex;
use filbert::node::io::{DownloadId, DownloadRequest, DownloadState, Source};
use filbert::node::{Command, Config, Event};
use filbert::wire::Sha1;
use sha1::Digest;
use smol::stream::StreamExt;

/// Clock ticks of `/proc/self/stat` in a second: fixed in Linux's interface.
const TICKS_PER_S: f64 = 100.0;
const REPEATS: usize = 3;

fn main() -> io::Result<()> {
    let mib = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_024);
    let dir = tempfile::tempdir()?;
    let shared = dir.path().join("shared");
    fs::create_dir(&shared)?;
    let file = shared.join("file.bin");
    let sha1 = write_file(&file, mib)?;
    let sharer = start(&dir.path().join("sharer"), Some(&shared))?;
    while sharer.shares().files_to_hash > 0 || sharer.shares().files == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let gib = mib as f64 / 1_024.0;
    println!("{:36}{:>10}{:>12}{:>16}", format!("{mib} MiB"), "s", "GiB/s", "CPU s / GiB");
    for round in 0..REPEATS {
        let (wall, cpu) = measured(|| copy_then_hash(&file, &dir.path().join("copy"), sha1))?;
        println!("{:36}{wall:>10.2}{:>12.2}{:>16.2}", "copy, then SHA-1", gib / wall, cpu / gib);
        let folder = dir.path().join(format!("fetcher{round}"));
        let fetcher = start(&folder, None)?;
        let (wall, cpu) = measured(|| fetch(&fetcher, sharer.listen(), mib, sha1))?;
        println!("{:36}{wall:>10.2}{:>12.2}{:>16.2}", "download", gib / wall, cpu / gib);
        smol::block_on(fetcher.command(Command::Shutdown)).map_err(io::Error::other)?;
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn write_file(path: &Path, mib: u64) -> io::Result<Sha1> {
    let mut file = File::create(path)?;
    let mut hash = sha1::Sha1::new();
    let mut piece: Vec<u8> =
        (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for number in 0..mib {
        piece[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&piece)?;
        hash.update(&piece);
    }
    Ok(Sha1(hash.finalize().into()))
}

fn start(dir: &Path, shared: Option<&Path>) -> io::Result<Handle> {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        auto_connect: false,
        local_addresses: true,
        ..Config::default()
    };
    let driver = Driver::bind(Setup {
        config,
        data_dir: dir.join("data"),
        download_dir: dir.join("finished"),
        shares: shared.map(Path::to_owned).into_iter().collect(),
        record: None,
        seed: None,
    })
    .map_err(io::Error::other)?;
    let handle = driver.handle();
    std::thread::spawn(move || smol::block_on(driver.run()));
    Ok(handle)
}

fn fetch(fetcher: &Handle, from: SocketAddr, mib: u64, sha1: Sha1) -> io::Result<()> {
    let mut events = fetcher.events();
    let source = Source {
        address: from,
        servent: None,
        index: Some(FileIndex(1).0),
        name: Some("file.bin".to_owned()),
        firewalled: false,
        push_proxies: Vec::new(),
    };
    let request = DownloadRequest {
        name: "file.bin".to_owned(),
        size: Some(mib << 20),
        sha1: Some(sha1),
        sources: vec![source],
    };
    let download = DownloadId(1);
    smol::block_on(async {
        let command = Command::Download { download, request };
        fetcher.command(command).await.map_err(io::Error::other)?;
        while let Some(heard) = events.next().await {
            let Heard::Event(event) = heard else { continue };
            if let Event::Download { progress, .. } = &*event {
                match progress.state {
                    DownloadState::Done => return Ok(()),
                    DownloadState::Failed => return Err(io::Error::other(format!("{progress:?}"))),
                    _ => {}
                }
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    })
}

fn copy_then_hash(from: &Path, to: &Path, sha1: Sha1) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut file = File::open(from)?;
    let sender = std::thread::spawn(move || -> io::Result<u64> {
        let (mut stream, _) = listener.accept()?;
        io::copy(&mut file, &mut stream)
    });
    io::copy(&mut TcpStream::connect(address)?, &mut File::create(to)?)?;
    sender.join().map_err(|_| io::ErrorKind::Other)??;
    let mut copy = File::open(to)?;
    let (mut hash, mut buffer) = (sha1::Sha1::new(), vec![0; 256 << 10]);
    loop {
        match copy.read(&mut buffer)? {
            0 => break,
            len => hash.update(&buffer[..len]),
        }
    }
    assert_eq!(Sha1(hash.finalize().into()), sha1, "the copy is the file");
    fs::remove_file(to)
}

fn measured(work: impl FnOnce() -> io::Result<()>) -> io::Result<(f64, f64)> {
    let (start, cpu) = (Instant::now(), cpu_s()?);
    work()?;
    Ok((start.elapsed().as_secs_f64(), cpu_s()? - cpu))
}

/// CPU seconds of this process, all threads.
fn cpu_s() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses that may hold anything.
    let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let fields: Vec<f64> =
        after_name.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
    Ok((fields[11] + fields[12]) / TICKS_PER_S)
}
