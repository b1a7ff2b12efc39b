//! The drawing of a network: its nodes, what they are, and the links that stand between them.

use std::fmt::Write;

use super::drawing::{self, Drawing, Sign};
use super::layout;
use super::words::escaped;

/// The longest side of the drawing, at least and at most.
const SIDE: (f64, f64) = (520.0, 1_400.0);
/// Of a node.
const RADIUS: (f64, f64) = (3.5, 15.0);

/// A network to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// What it is called.
    pub title: String,
    /// Some lines on it.
    pub about: Vec<String>,
    /// Its nodes.
    pub nodes: Vec<MapNode>,
    /// Links that stand, by places in `nodes`.
    pub links: Vec<(u32, u32)>,
    /// Links over which nothing gets through.
    pub cut: Vec<(u32, u32)>,
    /// Links that should stand and do not.
    pub absent: Vec<(u32, u32)>,
}

/// A node of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapNode {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Whether it is a leaf.
    pub leaf: bool,
    /// How it is doing.
    pub state: State,
}

/// How a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Runs,
    /// It is there and says nothing.
    Still,
    /// It does not run.
    Down,
}

/// The drawing as a file of its own.
pub fn svg(map: &Map) -> String {
    drawing(map).svg()
}

/// The drawing as a page, with a table of the nodes.
pub fn page(map: &Map) -> String {
    let drawing = drawing(map);
    let legend: String = drawing
        .legend
        .iter()
        .map(|(sign, words)| {
            let class = match sign {
                Sign::Node(class) => format!("key m-{class}"),
                Sign::Line(class) => format!("key line {}", class.replace("link", "m-link")),
            };
            format!("<span class=\"{class}\">{words}</span> ")
        })
        .collect();
    let body = format!(
        "<p class=\"legend\">{legend}</p>\n<div class=\"map\">{}</div>\n{}",
        drawing.inline(),
        table(map)
    );
    drawing::page(&map.title, &map.about, &body)
}

fn table(map: &Map) -> String {
    let mut rows = String::from(
        "<div class=\"wide\"><table class=\"nodes\"><thead><tr><th>node</th><th>role</th>\
         <th>degree</th><th class=\"words\">neighbours</th></tr></thead><tbody>\n",
    );
    for (at, node) in (0..).zip(&map.nodes) {
        let mut others: Vec<u32> = neighbours(map, at).collect();
        others.sort_unstable();
        let numbers = others.iter().filter_map(|&other| map.nodes.get(other as usize));
        let numbers: Vec<String> = numbers.map(|other| other.number.to_string()).collect();
        let _ = writeln!(
            rows,
            "<tr data-node=\"{at}\"><td>{}</td><td>{}</td><td>{}</td><td class=\"words\">{}</td></tr>",
            escaped(&node.name),
            said(node),
            numbers.len(),
            numbers.join(", ")
        );
    }
    rows.push_str("</tbody></table></div>\n");
    rows
}

fn neighbours(map: &Map, node: u32) -> impl Iterator<Item = u32> {
    map.links.iter().filter_map(move |&(a, b)| match node {
        node if node == a => Some(b),
        node if node == b => Some(a),
        _ => None,
    })
}

fn said(node: &MapNode) -> &'static str {
    match (node.state, node.leaf) {
        (State::Down, _) => "does not run",
        (State::Still, _) => "stands still",
        (State::Runs, true) => "leaf",
        (State::Runs, false) => "ultrapeer",
    }
}

fn drawing(map: &Map) -> Drawing<'_> {
    // Those that do not run stand alone; where they were is told by what is absent.
    let places = layout::places(map.nodes.len(), &map.links);
    let room = layout::room(&places.places).min(1.0);
    let longest = places.width.max(places.height).max(0.1);
    // As large as nodes with a number need it, within what fits on a screen.
    let scale = (34.0 / room).min(SIDE.1 / longest).max(SIDE.0 / longest).min(150.0);
    let radius = (room * scale * 0.4).clamp(RADIUS.0, RADIUS.1);
    let edge = radius + 4.0;
    let at = |node: u32| {
        let place = places.places.get(node as usize).copied().unwrap_or_default();
        (place.0 * scale + edge, place.1 * scale + edge)
    };
    let mut elements = String::new();
    let kinds = [(&map.absent, Some("absent")), (&map.cut, Some("cut")), (&map.links, None)];
    for (links, gone) in kinds {
        for &(a, b) in links {
            let ((x1, y1), (x2, y2)) = (at(a), at(b));
            let low = [a, b].iter().any(|&node| is_leaf(map, node));
            let class = match (gone, low) {
                (Some(gone), _) => format!("link {gone}"),
                (None, true) => "link low".to_owned(),
                (None, false) => "link".to_owned(),
            };
            let _ = writeln!(
                elements,
                "<line class=\"{class}\" data-a=\"{a}\" data-b=\"{b}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" \
                 x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
            );
        }
    }
    for (number, node) in (0..).zip(&map.nodes) {
        draw_node(&mut elements, number, node, at(number), radius);
    }
    Drawing {
        title: &map.title,
        about: &map.about,
        elements,
        width: places.width * scale + 2.0 * edge,
        height: places.height * scale + 2.0 * edge,
        legend: legend(map),
    }
}

fn is_leaf(map: &Map, node: u32) -> bool {
    map.nodes.get(node as usize).is_some_and(|node| node.leaf)
}

fn draw_node(elements: &mut String, at: u32, node: &MapNode, (x, y): (f64, f64), radius: f64) {
    let (class, dark) = match (node.state, node.leaf) {
        (State::Down, _) => ("dead", true),
        (State::Still, _) => ("still", false),
        (State::Runs, true) => ("leaf", true),
        (State::Runs, false) => ("ultrapeer", false),
    };
    let radius = if node.leaf { radius * 0.82 } else { radius };
    let _ = writeln!(
        elements,
        "<circle class=\"node {class}\" data-node=\"{at}\" cx=\"{x:.1}\" cy=\"{y:.1}\" \
         r=\"{radius:.1}\"><title>{}: {}</title></circle>",
        escaped(&node.name),
        said(node)
    );
    let class = match node.state {
        State::Down => " gone",
        _ if dark => " dark",
        _ => "",
    };
    elements.push_str(&drawing::number(class, "", node.number, (x, y), radius));
}

/// Only what is there.
fn legend(map: &Map) -> Vec<(Sign, &'static str)> {
    let any = |state: State, leaf: Option<bool>| {
        let is = |node: &MapNode| node.state == state && leaf.is_none_or(|leaf| leaf == node.leaf);
        map.nodes.iter().any(is)
    };
    let all = [
        (any(State::Runs, Some(false)), Sign::Node("ultrapeer"), "ultrapeer"),
        (any(State::Runs, Some(true)), Sign::Node("leaf"), "leaf"),
        (any(State::Still, None), Sign::Node("still"), "stands still"),
        (any(State::Down, None), Sign::Node("dead"), "does not run"),
        (!map.links.is_empty(), Sign::Line("link"), "link"),
        (!map.cut.is_empty(), Sign::Line("link cut"), "link that is cut"),
        (!map.absent.is_empty(), Sign::Line("link absent"), "link that should stand and does not"),
    ];
    all.into_iter().filter(|(any, ..)| *any).map(|(_, sign, words)| (sign, words)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Map {
        let node = |number: u32, leaf: bool, state: State| MapNode {
            number,
            name: format!("<{number}>"),
            leaf,
            state,
        };
        Map {
            title: "A & B".into(),
            about: vec!["three".into()],
            nodes: vec![
                node(0, false, State::Runs),
                node(1, true, State::Runs),
                node(2, false, State::Down),
            ],
            links: vec![(0, 1)],
            cut: vec![(1, 2)],
            absent: vec![(0, 2)],
        }
    }

    #[test]
    fn everybody_is_drawn_as_what_it_is() {
        let svg = svg(&map());
        assert!(svg.starts_with("<svg") && svg.contains("A &amp; B") && !svg.contains("<0>"));
        for (part, times) in [
            ("class=\"node ultrapeer\" data", 1),
            ("class=\"node leaf\" data", 1),
            ("class=\"node dead\" data", 1),
            ("class=\"number gone\"", 1),
            ("class=\"link low\" data", 1),
            ("class=\"link absent\" data", 1),
            ("class=\"link cut\" data", 1),
            ("class=\"number", 3),
        ] {
            assert_eq!(svg.matches(part).count(), times, "{part}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert!(svg.contains("does not run</text>") && !svg.contains("stands still</text>"));
    }

    #[test]
    fn the_page_has_a_table_of_all() {
        let page = page(&map());
        assert_eq!(page.matches("<tr data-node").count(), 3);
        assert!(page.contains("&lt;1&gt;</td><td>leaf</td><td>1</td><td class=\"words\">0</td>"));
    }

    #[test]
    fn nobody_at_all_is_no_reason_to_fail() {
        assert!(svg(&Map::default()).contains("</svg>"));
    }
}
