//! How long whole commands take, as a person waits for them: version, start, demo, and a download
//! of 1 GiB beside curl from nginx followed by sha1sum, in the same run.
//!
//! `cargo bench --bench commands`. Nothing is asserted: a table is printed. The download needs
//! curl, nginx and sha1sum and is left out, saying so, where one of them is missing. With `--quick`
//! 64 MiB are downloaded once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const FILBERT: &str = env!("CARGO_BIN_EXE_filbert");
/// Files of the known library that a start has to load.
const LIBRARY_FILES: usize = 1_000;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    println!("whole commands: wall time in ms, smallest / median / largest");
    row("filbert --version", Some(5.0), &repeat(21, || timed(filbert(&["--version"]))));
    row("start to listening, 1,000 known files", Some(10.0), &start_to_listening());
    row("demo, from start to its end", Some(5_000.0), &repeat(3, || timed(filbert(&["demo"]))));
    download(if quick { 64 << 20 } else { 1 << 30 }, if quick { 1 } else { 5 });
}

fn filbert(args: &[&str]) -> Command {
    let mut command = Command::new(FILBERT);
    // Nothing here may ask the public network for hosts.
    command.env("FILBERT_BOOTSTRAP", "none");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn row(what: &str, goal_ms: Option<f64>, runs: &[Duration]) {
    let ms = runs.iter().map(|run| run.as_secs_f64() * 1000.0).collect();
    let (least, median, most) = spread(ms);
    let goal = goal_ms.map_or(String::new(), |goal| format!("   goal {goal}"));
    println!("{what:<42} {least:>9.1} {median:>9.1} {most:>9.1}{goal}");
}

fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

/// One run to warm up, then those that count.
fn repeat(runs: usize, mut run: impl FnMut() -> Duration) -> Vec<Duration> {
    run();
    (0..runs).map(|_| run()).collect()
}

fn timed(mut command: Command) -> Duration {
    let begin = Instant::now();
    let status = command.status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
    begin.elapsed()
}

fn start_to_listening() -> Vec<Duration> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (data, share) = (dir.path().join("data"), dir.path().join("share"));
    fs::create_dir(&share).expect("a folder to share");
    for file in 0..LIBRARY_FILES {
        let name = share.join(format!("song number {file}.txt"));
        fs::write(name, vec![b'x'; 1_000 + file]).expect("a file to share");
    }
    // The first start reads and hashes everything; the later ones know it.
    let first = Servent::start(&data, &share);
    wait_until_hashed(&data, LIBRARY_FILES);
    first.stop();
    repeat(11, || {
        let begin = Instant::now();
        let servent = Servent::start(&data, &share);
        let took = begin.elapsed();
        servent.stop();
        took
    })
}

/// A `filbert run` of this program, killed when dropped.
struct Servent {
    child: Child,
    listen: SocketAddr,
}

impl Servent {
    /// Starts one and returns as soon as it listens.
    fn start(data: &Path, share: &Path) -> Servent {
        let listen = free_address();
        let child = filbert(&["run", "--set", "node.local_addresses=true", "--listen"])
            .arg(listen.to_string())
            .arg("--data-dir")
            .arg(data)
            .arg("--share")
            .arg(share)
            .spawn()
            .expect("filbert runs");
        wait_until_listening(listen);
        Servent { child, listen }
    }

    /// Stops it as ctrl-C would.
    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Servent {
    fn drop(&mut self) {
        // It may have ended before; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until_listening(address: SocketAddr) {
    let begin = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "nobody listens at {address}");
        thread::sleep(Duration::from_micros(200));
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

fn wait_until_hashed(data: &Path, files: usize) {
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < Duration::from_secs(120), "the files were not hashed");
        thread::sleep(Duration::from_millis(100));
        let output =
            Command::new(FILBERT).args(["shares", "--json", "--data-dir"]).arg(data).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        let shares: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        if shares["files"] == files && shares["hashing"].is_null() {
            return;
        }
    }
}

fn download(size: u64, runs: usize) {
    for tool in ["nginx", "curl", "sha1sum"] {
        if !there_is(tool) {
            println!("download: left out, {tool} is not installed");
            return;
        }
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let dir = dir.path();
    let share = dir.join("share");
    fs::create_dir(&share).expect("a folder to share");
    let sha1 = write_file(&share.join("large.bin"), size).expect("room for the file");
    let servent = Servent::start(&dir.join("sharer"), &share);
    wait_until_hashed(&dir.join("sharer"), 1);
    let nginx = Nginx::start(dir, &share);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let pair = (filbert_get(dir, servent.listen, &sha1, size), curl(dir, nginx.listen));
        if run > 0 {
            ours.push(pair.0);
            theirs.push(pair.1);
        }
    }
    row(&format!("filbert get of {} MiB, verified", size >> 20), None, &ours);
    row("curl from nginx, then sha1sum, of the same", None, &theirs);
    let ratios = ours.iter().zip(&theirs).map(|(a, b)| b.as_secs_f64() / a.as_secs_f64()).collect();
    let (least, median, most) = spread(ratios);
    println!(
        "{:<42} {least:>9.2} {median:>9.2} {most:>9.2}   goal 0.9",
        "speed of filbert over curl"
    );
}

fn there_is(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
    found.is_ok_and(|output| output.status.success())
}

/// Writes a file that does not compress and returns the base32 of its SHA-1.
fn write_file(path: &Path, size: u64) -> io::Result<String> {
    use sha1::Digest;
    let mut file = File::create(path)?;
    let mut hash = sha1::Sha1::new();
    let mut block = vec![0u8; 1 << 20];
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for _ in 0..size >> 20 {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
        hash.update(&block);
    }
    Ok(data_encoding::BASE32_NOPAD.encode(&hash.finalize()))
}

fn filbert_get(dir: &Path, from: SocketAddr, sha1: &str, size: u64) -> Duration {
    let (data, out) = (dir.join("getter"), dir.join("got.bin"));
    let magnet = format!(
        "magnet:?xt=urn:sha1:{sha1}&xl={size}&dn=got.bin&xs=http://{from}/uri-res/N2R?urn:sha1:{sha1}"
    );
    let mut get = filbert(&["get", &magnet, "--set", "node.local_addresses=true"]);
    get.arg("--connect").arg(from.to_string()).arg("-o").arg(&out).arg("--data-dir").arg(&data);
    let took = timed(get);
    fs::remove_file(&out).expect("the file was fetched");
    fs::remove_dir_all(&data).expect("the servent has left");
    took
}

/// An nginx that serves one folder, killed when dropped.
struct Nginx {
    child: Child,
    listen: SocketAddr,
}

impl Nginx {
    fn start(dir: &Path, root: &Path) -> Nginx {
        let listen = free_address();
        let conf = dir.join("nginx.conf");
        let (dir, root) = (dir.display(), root.display());
        let text = format!(
            "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;\n\
             events {{}}\nhttp {{ access_log off; sendfile on; client_body_temp_path {dir};\n\
             proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir};\n\
             scgi_temp_path {dir}; server {{ listen {listen}; root {root}; }} }}\n"
        );
        fs::write(&conf, text).expect("a configuration file");
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&conf)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx runs");
        wait_until_listening(listen);
        Nginx { child, listen }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn curl(dir: &Path, from: SocketAddr) -> Duration {
    let out = dir.join("curled.bin");
    let mut shell = Command::new("sh");
    let (script, name) =
        (format!("curl -s -o \"$0\" http://{from}/large.bin && sha1sum \"$0\""), &out);
    shell.args(["-c", &script]).arg(name).stdout(Stdio::null());
    let took = timed(shell);
    fs::remove_file(&out).expect("curl fetched the file");
    took
}
