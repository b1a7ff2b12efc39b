//! The drawing of one query on its way: its origin in the middle, a ring for each hop.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::fmt::Write;

use super::drawing::{self, Drawing, Sign};
use super::layout;
use super::words::escaped;
use crate::scenario::report::{Copy, Flood, FloodNode, Hop, Query};

/// Half the side of the drawing.
const MIDDLE: f64 = 400.0;
/// The outermost ring.
const RADIUS: f64 = 372.0;

/// Nodes on one ring are so far apart if there is room.
const APART: f64 = 30.0;
/// Rounds in which they are moved apart.
const SPREAD_ROUNDS: usize = 200;
/// How wide the sector of a node is that was not reached, beside that of one that was.
const END_MISSED: f64 = 0.02;
/// With more copies than this they are drawn thin.
const DENSE_FROM: usize = 250;

/// Where the nodes stand.
struct Layout {
    places: Vec<(f64, f64)>,
    /// Rings besides the middle; nodes that were not reached stand on one of their own.
    rings: u32,
}

/// The drawing with its steps; empty if there is nothing to draw.
pub(super) fn html(flood: &Flood, query: Option<&Query>, run: &str) -> String {
    if flood.nodes.is_empty() {
        return String::new();
    }
    let text = query.map(|query| escaped(&query.text)).unwrap_or_default();
    let run = if run.is_empty() { String::new() } else { format!(" ({})", escaped(run)) };
    format!(
        "<section id=\"flood\"><h2>One query, hop by hop</h2>\n\
         <p>The query &ldquo;{text}&rdquo;{run} leaves the node in the middle; {}</p>\n{}</section>\n",
        explained(flood),
        player(flood)
    )
}

/// A flood as a page of its own: to be stepped through hop by hop. `more` is markup that follows.
pub fn page(title: &str, about: &[String], flood: &Flood, more: &str) -> String {
    let body = format!(
        "<section id=\"flood\">\n<p class=\"soft\">The query leaves the node in the middle; {}</p>\n\
         {}</section>\n{more}",
        explained(flood),
        player(flood)
    );
    drawing::page(title, about, &body)
}

/// A flood as a drawing of its own.
pub fn svg(title: &str, about: &[String], flood: &Flood) -> String {
    let signs = [
        (true, Sign::Node("origin"), "asks"),
        (true, Sign::Node("reached"), "has the query"),
        (flood.nodes.iter().any(|node| node.answered), Sign::Node("answered"), "answers"),
        (flood.nodes.iter().any(|node| node.hop.is_none()), Sign::Node("missed"), "not reached"),
        (true, Sign::Line("copy"), "first copy"),
        (flood.copies.iter().any(|copy| copy.duplicate), Sign::Line("copy duplicate"), "duplicate"),
    ];
    let there = signs.into_iter().filter(|(there, ..)| *there);
    Drawing {
        title,
        about,
        elements: elements(flood),
        width: 2.0 * MIDDLE,
        height: 2.0 * MIDDLE,
        legend: there.map(|(_, sign, words)| (sign, words)).collect(),
    }
    .svg()
}

fn explained(flood: &Flood) -> String {
    let left_out = match flood.left_out {
        0 => String::new(),
        some if flood.hops.is_empty() => format!(" {some} nodes farther away are not drawn."),
        some => format!(" {some} nodes farther away are not drawn, but counted."),
    };
    let is_odd = |hop: &Hop| hop.copies != hop.duplicates + hop.nodes;
    let faster = match !flood.copies.is_empty() && hops_of(flood).iter().any(is_odd) {
        true => ", though a copy over more links may have been faster",
        false => "",
    };
    format!(
        "a node stands on the ring of the fewest links over which it came there{faster}.{left_out}"
    )
}

/// The drawing, the buttons to step through it, and what happened at each hop.
fn player(flood: &Flood) -> String {
    let hops = last_hop(flood);
    format!(
        "<div class=\"player\" data-hops=\"{hops}\"><button type=\"button\">Play</button> \
         <label>after hop <input type=\"range\" min=\"0\" max=\"{hops}\" value=\"{hops}\"> \
         <output>{hops}</output></label></div>\n\
         <p class=\"legend\"><span class=\"key origin\">asks</span> \
         <span class=\"key reached\">has the query</span> \
         <span class=\"key answered\">answers</span> \
         <span class=\"key missed\">not reached</span> \
         <span class=\"key first\">first copy</span> \
         <span class=\"key duplicate\">duplicate</span></p>\n\
         <div class=\"flood\"><svg viewBox=\"0 0 {0} {0}\" role=\"img\" \
         aria-label=\"One query on its way, hop by hop\">\n{1}</svg>\n{2}</div>",
        2.0 * MIDDLE,
        elements(flood),
        steps(flood),
    )
}

/// Rings, links, copies and nodes.
fn elements(flood: &Flood) -> String {
    let (layout, hops) = (layout(flood), last_ring(flood));
    // Many lines are drawn thin.
    let class = if flood.copies.len() > DENSE_FROM { " class=\"dense\"" } else { "" };
    let mut svg = format!("<g{class}>\n");
    for ring in 1..=layout.rings {
        let radius = RADIUS * f64::from(ring) / f64::from(layout.rings);
        let _ = writeln!(
            svg,
            "<circle class=\"ring\" cx=\"{MIDDLE}\" cy=\"{MIDDLE}\" r=\"{radius:.1}\"/>"
        );
        if ring <= hops {
            let y = MIDDLE - radius - 4.0;
            let _ = writeln!(svg, "<text class=\"hop\" x=\"{MIDDLE}\" y=\"{y:.1}\">{ring}</text>");
        }
    }
    for &(a, b) in &flood.edges {
        draw_line(&mut svg, &layout, (a, b), "edge", None);
    }
    // First copies lie above the others.
    let (again, first): (Vec<&Copy>, Vec<&Copy>) =
        flood.copies.iter().partition(|copy| copy.duplicate);
    for copy in again.into_iter().chain(first) {
        let class = if copy.duplicate { "copy duplicate" } else { "copy" };
        draw_line(&mut svg, &layout, (copy.from, copy.to), class, Some(copy.hop));
    }
    let room = layout::room(&layout.places) * 0.45;
    for (node, &place) in flood.nodes.iter().zip(&layout.places) {
        draw_node(&mut svg, node, place, room.clamp(4.0, 13.0));
    }
    svg.push_str("</g>\n");
    svg
}

fn last_hop(flood: &Flood) -> u32 {
    let nodes = flood.nodes.iter().filter_map(|node| node.hop);
    let counted = flood.hops.len() as u32;
    nodes.chain(flood.copies.iter().map(|copy| copy.hop)).max().unwrap_or(0).max(counted)
}

/// The farthest hop of a node that is drawn.
fn last_ring(flood: &Flood) -> u32 {
    flood.nodes.iter().filter_map(|node| node.hop).max().unwrap_or(0)
}

fn draw_line(svg: &mut String, layout: &Layout, ends: (u32, u32), class: &str, hop: Option<u32>) {
    let place = |at: u32| layout.places.get(at as usize).copied();
    let (Some((x1, y1)), Some((x2, y2))) = (place(ends.0), place(ends.1)) else { return };
    let hop = hop.map(|hop| format!(" data-hop=\"{hop}\"")).unwrap_or_default();
    let _ = writeln!(
        svg,
        "<line class=\"{class}\"{hop} x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

fn draw_node(svg: &mut String, node: &FloodNode, (x, y): (f64, f64), room: f64) {
    let small = if node.leaf { room * 0.75 } else { room };
    let (class, radius) = match node.hop {
        Some(0) => ("node origin", room.max(11.0)),
        Some(_) if node.answered => ("node answered", small.max(room.min(8.0))),
        Some(_) => ("node reached", small),
        None => ("node missed", small),
    };
    let hop = node.hop.map(|hop| format!(" data-hop=\"{hop}\"")).unwrap_or_default();
    let role = if node.leaf { "leaf" } else { "ultrapeer" };
    let said = match node.hop {
        Some(0) => "asks".to_owned(),
        Some(hop) if node.answered => format!("hop {hop}, answers"),
        Some(hop) => format!("hop {hop}"),
        None => "not reached".to_owned(),
    };
    let _ = writeln!(
        svg,
        "<circle class=\"{class}\"{hop} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\">\
         <title>node {} ({role}): {said}</title></circle>",
        node.node
    );
    svg.push_str(&drawing::number("", &hop, node.node, (x, y), radius));
}

/// What happened over 1, 2, ... links: to all, or if that is not known among those drawn.
fn hops_of(flood: &Flood) -> Vec<Hop> {
    match flood.hops.is_empty() {
        true => Hop::count(
            flood.copies.iter().map(|copy| (copy.hop, copy.duplicate)),
            flood.nodes.iter().filter_map(|node| node.hop),
        ),
        false => flood.hops.clone(),
    }
}

/// What happened at each hop, as a table; without copies only the nodes are known.
fn steps(flood: &Flood) -> String {
    let copies_head = match flood.copies.is_empty() {
        true => "",
        false => "<th>copies</th><th>duplicates</th>",
    };
    let mut table = format!(
        "<table class=\"steps\"><thead><tr><th>hop</th>{copies_head}<th>new nodes</th></tr></thead>\
         <tbody>\n"
    );
    for (hop, Hop { copies, duplicates, nodes }) in (1..).zip(hops_of(flood)) {
        let _ = write!(table, "<tr data-hop=\"{hop}\"><td>{hop}</td>");
        if !flood.copies.is_empty() {
            let _ = write!(table, "<td>{copies}</td><td>{duplicates}</td>");
        }
        let _ = writeln!(table, "<td>{nodes}</td></tr>");
    }
    table.push_str("</tbody></table>\n");
    table
}

/// Every node on the ring of its hop, behind the node that the query came from: each branch of the
/// flood gets a sector as wide as the branch has ends, so that the lines of first copies do not
/// cross.
fn layout(flood: &Flood) -> Layout {
    let count = flood.nodes.len();
    let children = branches(flood);
    let order = outward(&children);
    let mut ends = vec![0.0; count];
    for &node in order.iter().rev() {
        let below: f64 = children[node].iter().map(|&child| ends[child]).sum();
        let own = if flood.nodes[node].hop.is_some() { 1.0 } else { END_MISSED };
        ends[node] = below.max(own);
    }
    let hops = last_ring(flood);
    let missed = flood.nodes.iter().any(|node| node.hop.is_none());
    let rings = (hops + u32::from(missed)).max(1);
    let mut stands = vec![(0, 0.0); count];
    let mut sectors = vec![(0.0, TAU); count];
    for &node in &order {
        let (start, to) = sectors[node];
        let mut from = start;
        let ring = flood.nodes[node].hop.unwrap_or(rings);
        stands[node] = (ring, f64::midpoint(start, to));
        let below: f64 = children[node].iter().map(|&child| ends[child]).sum();
        for &child in &children[node] {
            let width = (to - start) * ends[child] / below;
            sectors[child] = (from, from + width);
            from += width;
        }
    }
    for ring in 1..=hops {
        spread(&mut stands, ring, RADIUS * f64::from(ring) / f64::from(rings));
    }
    if missed {
        even(&mut stands, rings);
    }
    let place = |&(ring, angle): &(u32, f64)| {
        let radius = RADIUS * f64::from(ring) / f64::from(rings);
        (MIDDLE + radius * angle.sin(), MIDDLE - radius * angle.cos())
    };
    Layout { places: stands.iter().map(place).collect(), rings }
}

/// Those who stand on this ring get equal distances, in their order.
fn even(stands: &mut [(u32, f64)], ring: u32) {
    let mut order: Vec<usize> = (0..stands.len()).filter(|&node| stands[node].0 == ring).collect();
    order.sort_by(|&a, &b| stands[a].1.total_cmp(&stands[b].1));
    for (at, &node) in order.iter().enumerate() {
        stands[node].1 = TAU * at as f64 / order.len() as f64;
    }
}

/// Those who stand on this ring get [`APART`] between them, or what there is, in their order.
fn spread(stands: &mut [(u32, f64)], ring: u32, radius: f64) {
    let on_ring = stands.iter().enumerate().filter(|(_, (of, _))| *of == ring);
    let mut order: Vec<(f64, usize)> = on_ring.map(|(node, &(_, angle))| (angle, node)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    if order.len() < 2 {
        return;
    }
    let wanted = (APART / radius).min(TAU * 0.97 / order.len() as f64);
    for _ in 0..SPREAD_ROUNDS {
        let mut moved = false;
        for at in 0..order.len() {
            let next = (at + 1) % order.len();
            let round = if next == 0 { TAU } else { 0.0 };
            let lacking = wanted - (order[next].0 + round - order[at].0);
            if lacking > 1e-4 {
                moved = true;
                order[at].0 -= lacking / 2.0;
                order[next].0 += lacking / 2.0;
            }
        }
        if !moved {
            break;
        }
    }
    for (angle, node) in order {
        stands[node].1 = angle;
    }
}

/// By node: those that stand behind it. The origin, place 0, has all others behind it.
fn branches(flood: &Flood) -> Vec<Vec<usize>> {
    let count = flood.nodes.len();
    let mut neighbours = vec![Vec::new(); count];
    for &(a, b) in &flood.edges {
        let (a, b) = (a as usize, b as usize);
        if a < count && b < count {
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
    }
    let mut parent: Vec<Option<usize>> = vec![None; count];
    for copy in flood.copies.iter().filter(|copy| !copy.duplicate) {
        if let Some(place) = parent.get_mut(copy.to as usize) {
            place.get_or_insert(copy.from as usize);
        }
    }
    let mut children = vec![Vec::new(); count];
    for node in 1..count {
        // Without a copy: behind a neighbour one hop nearer, or any, or the origin.
        let hop = flood.nodes[node].hop.unwrap_or(u32::MAX);
        let near = |&other: &usize| flood.nodes[other].hop.is_some_and(|hops| hops < hop);
        let copied = parent[node].filter(|from| *from < count && near(from));
        let from = copied.or_else(|| neighbours[node].iter().copied().find(near)).unwrap_or(0);
        children[from].push(node);
    }
    children
}

/// All nodes, each after the one that it stands behind.
fn outward(children: &[Vec<usize>]) -> Vec<usize> {
    let mut order = Vec::with_capacity(children.len());
    let mut next = VecDeque::from([0]);
    while let Some(node) = next.pop_front() {
        order.push(node);
        next.extend(&children[node]);
    }
    order
}
