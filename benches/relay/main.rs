//! What relaying costs: `cargo bench --bench relay`.
//!
//! One servent in a process of its own, so that the system's accounting says what it used; N
//! neighbours on loopback; unique 48-byte queries go in on one of them and are counted out on the
//! others. Beside it in the same run: a program that only forwards, without any protocol work.
//! The same to a thousand leaves whose routing tables match every query. Prints a table and asserts
//! nothing about time, only that nothing got lost.
//!
//! Arguments (after `--`): parts of names of the lines to run; all without.

mod child;
mod forwarder;
mod generator;

use std::io;
use std::time::Duration;

use child::{Child, Role};
use generator::{Flow, Load, Neighbours};

/// How long one measurement takes; each is made [`REPEATS`] times.
const MEASURED_FOR: Duration = Duration::from_millis(1_500);
const REPEATS: usize = 3;
const IDLE_LINKS: usize = 800;
const IDLE_LEAVES: usize = 4_900;
/// Slots that an idle leaf's routing table has of 65,536: the words of some dozen files.
const IDLE_SLOTS: u32 = 300;

struct Line {
    name: &'static str,
    links: usize,
    leaves: usize,
    compressed: bool,
    flow: Flow,
}

const LINES: &[Line] = &[
    line("8 links, window 256", (8, 0), false, Flow::Window(256)),
    line("32 links, window 1024", (32, 0), false, Flow::Window(1024)),
    line("8 links, deflated", (8, 0), true, Flow::Window(256)),
    line("32 links, deflated", (32, 0), true, Flow::Window(1024)),
    line("1,000 leaves, window 64", (1, 1_000), false, Flow::Window(64)),
    line("1,000 leaves, deflated", (1, 1_000), true, Flow::Window(64)),
    line("8 links, 20,000 q/s", (8, 0), false, Flow::Rate(20_000)),
];

const fn line(
    name: &'static str,
    (links, leaves): (usize, usize),
    compressed: bool,
    flow: Flow,
) -> Line {
    Line { name, links, leaves, compressed, flow }
}

fn main() -> io::Result<()> {
    if let Some(role) = Role::of_this_process() {
        return role.play();
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(&**part));
    println!(
        "{:24}{:>30}{:>30}{:>12}",
        "", "servent: M copies / CPU s", "forwarding only", "delivered"
    );
    for line in LINES.iter().filter(|line| is_wanted(line.name)) {
        run(line)?;
    }
    if is_wanted("idle") {
        idle()?;
        idle_leaves(false)?;
        idle_leaves(true)?;
    }
    Ok(())
}

fn run(line: &Line) -> io::Result<()> {
    let mut servent = Vec::new();
    let mut forwarder = Vec::new();
    let mut delivered = 1.0_f64;
    for _ in 0..REPEATS {
        let role = Role::Servent { compressed: line.compressed, leaves: line.leaves > 0 };
        let measured = measure(role, line)?;
        delivered = delivered.min(measured.delivered);
        servent.push(measured);
        if !line.compressed {
            forwarder.push(measure(Role::Forwarder, line)?);
        }
    }
    let show = |of: &[Measured]| match (of.is_empty(), line.flow) {
        (true, _) => String::new(),
        (_, Flow::Window(_)) => spread(of.iter().map(|m| m.copies / m.cpu_s / 1e6), 2),
        (_, Flow::Rate(_)) => spread(of.iter().map(|m| m.cpu_s / m.wall_s), 3) + " CPU s/s",
    };
    println!("{:24}{:>30}{:>30}{delivered:>12.6}", line.name, show(&servent), show(&forwarder));
    Ok(())
}

/// What one run showed.
struct Measured {
    copies: f64,
    cpu_s: f64,
    wall_s: f64,
    delivered: f64,
}

fn measure(role: Role, line: &Line) -> io::Result<Measured> {
    let child = Child::start(role)?;
    let mut load = Load::connect(
        child.address(),
        Neighbours {
            ultrapeers: line.links,
            leaves: line.leaves,
            slots: None,
            shake_hands: matches!(role, Role::Servent { .. }),
            compressed: line.compressed,
        },
    )?;
    load.run(line.flow, Duration::from_millis(300))?;
    let (copies_before, cpu_before) = (load.copies(), child.cpu_s()?);
    let wall_s = load.run(line.flow, MEASURED_FOR)?.as_secs_f64();
    let (copies, cpu_s) = (load.copies() - copies_before, child.cpu_s()? - cpu_before);
    let delivered = load.settle()?;
    Ok(Measured { copies: copies as f64, cpu_s, wall_s, delivered })
}

fn idle() -> io::Result<()> {
    let child = Child::start(Role::Servent { compressed: false, leaves: false })?;
    let some = |ultrapeers| Neighbours {
        ultrapeers,
        leaves: 0,
        slots: None,
        shake_hands: true,
        compressed: false,
    };
    let first = Load::connect(child.address(), some(8))?;
    let before = child.resident_bytes()?;
    let many = Load::connect(child.address(), some(IDLE_LINKS))?;
    let per_link = (child.resident_bytes()? as f64 - before as f64) / IDLE_LINKS as f64;
    let cpu_before = child.cpu_s()?;
    std::thread::sleep(Duration::from_secs(2));
    let cpu = (child.cpu_s()? - cpu_before) / 2.0;
    println!("{IDLE_LINKS} idle links: {per_link:.0} bytes resident each, {cpu:.3} CPU s/s");
    drop((first, many));
    Ok(())
}

fn idle_leaves(compressed: bool) -> io::Result<()> {
    let child = Child::start(Role::Servent { compressed, leaves: true })?;
    let neighbours = Neighbours {
        ultrapeers: 1,
        leaves: IDLE_LEAVES,
        slots: Some(IDLE_SLOTS),
        shake_hands: true,
        compressed,
    };
    let load = Load::connect(child.address(), neighbours)?;
    std::thread::sleep(Duration::from_secs(3));
    let megabytes = child.resident_bytes()? as f64 / 1e6;
    let links = if compressed { "compressed links" } else { "links in the clear" };
    println!("{IDLE_LEAVES} idle leaves with tables, {links}: {megabytes:.1} MB resident in all");
    drop(load);
    Ok(())
}

/// Lowest, median and highest.
fn spread(values: impl Iterator<Item = f64>, decimals: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let [low, median, high] = [0, values.len() / 2, values.len() - 1].map(|at| values[at]);
    format!("{low:.decimals$} / {median:.decimals$} / {high:.decimals$}")
}
