//! A chart with two axes, as SVG in a figure.

use std::fmt::Write;

use super::scale::{Fit, Scale};
use super::words::{Unit, escaped};

/// A chart.
#[derive(Debug)]
pub(super) struct Chart {
    /// What it shows, as a heading.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// What the axes count.
    pub x: Axis,
    /// The upward one.
    pub y: Axis,
    /// What is drawn, each in a colour of its own.
    pub series: Vec<Series>,
    /// Whether the points are joined.
    pub is_joined: bool,
}

/// What an axis counts.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// In words.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// How numbers are laid out on it.
    pub fit: Fit,
}

impl Axis {
    pub(super) fn new(name: impl Into<String>, unit: Unit) -> Axis {
        Axis { name: name.into(), unit, fit: Fit::Any }
    }

    pub(super) fn fit(self, fit: Fit) -> Axis {
        Axis { fit, ..self }
    }
}

/// Points that belong together.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// Their name; empty if there is only one series.
    pub name: String,
    /// In the order in which they are joined.
    pub points: Vec<Point>,
    /// Whether it is only there to compare with.
    pub is_guide: bool,
}

/// A point, and how far it went to either side when it was measured again with other seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
    /// The least and the greatest y.
    pub spread: (f64, f64),
}

impl Point {
    /// A point that was measured once.
    pub(super) fn at(x: f64, y: f64) -> Point {
        Point { x, y, spread: (y, y) }
    }
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 330.0;
/// Room for the names of the axes: left, right, top and bottom.
const LEFT: f64 = 88.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 52.0;
/// Parts of a whole stand on an axis to 100 % unless none is greater than this.
const PART_SMALL_MAX: f64 = 0.25;
/// Above so many points they are joined without marks.
const MARKS_MAX: usize = 40;

impl Chart {
    /// The figure; empty if there is nothing to show.
    pub(super) fn html(&self) -> String {
        if self.series.iter().all(|series| series.points.is_empty()) {
            return String::new();
        }
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = Scale::fitting(points().map(|point| point.x), self.x.unit, self.x.fit);
        let upward: Vec<f64> = points().flat_map(|p| [p.y, p.spread.0, p.spread.1]).collect();
        let y = match self.y.unit {
            Unit::Part if upward.iter().any(|&part| part > PART_SMALL_MAX) => Scale::whole(),
            unit => Scale::fitting(upward, unit, self.y.fit),
        };
        let mut html = format!(
            "<figure><figcaption><h3>{}</h3><p>{}</p>{}</figcaption>\n\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(&self.title),
            escaped(&self.note),
            self.legend(),
            escaped(&self.title),
        );
        self.draw_axes(&mut html, &x, &y);
        // The first lies on top: where lines lie on each other, the shorter ones are mostly first.
        for (number, series) in self.series.iter().enumerate().rev() {
            self.draw(&mut html, number, series, &x, &y);
        }
        html.push_str("</svg></figure>\n");
        html
    }

    fn legend(&self) -> String {
        let mut legend = String::new();
        for (number, series) in self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()) {
            let class = class(number, series);
            let name = escaped(&series.name);
            let _ = write!(legend, "<span class=\"key {class}\">{name}</span> ");
        }
        if legend.is_empty() { legend } else { format!("<p class=\"legend\">{legend}</p>") }
    }

    fn draw_axes(&self, svg: &mut String, x: &Scale, y: &Scale) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for &tick in &y.ticks {
            let (at, text) = (up(y, tick), self.y.unit.text(tick));
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                at + 4.5,
            );
        }
        for &tick in &x.ticks {
            let (at, text) = (along(x, tick), self.x.unit.text(tick));
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
                 <text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                bottom + 19.0,
            );
        }
        let middle = (TOP + bottom) / 2.0;
        let _ = writeln!(
            svg,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}{}</text>\n\
             <text class=\"axis\" transform=\"translate(15 {middle:.1}) rotate(-90)\" \
             text-anchor=\"middle\">{}{}</text>",
            (LEFT + right) / 2.0,
            HEIGHT - 8.0,
            escaped(&self.x.name),
            if x.is_log() { " (log)" } else { "" },
            escaped(&self.y.name),
            if y.is_log() { " (log)" } else { "" },
        );
    }

    fn draw(&self, svg: &mut String, number: usize, series: &Series, x: &Scale, y: &Scale) {
        let class = class(number, series);
        let place = |point: &Point| (along(x, point.x), up(y, point.y));
        if self.is_joined && series.points.len() > 1 {
            let path: Vec<String> =
                (series.points.iter()).map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ =
                writeln!(svg, "<polyline class=\"line {class}\" points=\"{}\"/>", path.join(" "));
        }
        if series.is_guide || (self.is_joined && series.points.len() > MARKS_MAX) {
            return;
        }
        for point in &series.points {
            let (at, high) = place(point);
            let (least, greatest) = point.spread;
            if greatest > least {
                let (from, to) = (up(y, least), up(y, greatest));
                let _ = writeln!(
                    svg,
                    "<line class=\"spread {class}\" x1=\"{at:.1}\" x2=\"{at:.1}\" \
                     y1=\"{from:.1}\" y2=\"{to:.1}\"/>"
                );
            }
            let _ = writeln!(
                svg,
                "<circle class=\"dot {class}\" cx=\"{at:.1}\" cy=\"{high:.1}\" r=\"4.5\">\
                 <title>{}</title></circle>",
                escaped(&self.says(series, point))
            );
        }
    }

    /// What a point says when it is pointed at.
    fn says(&self, series: &Series, point: &Point) -> String {
        let named = |axis: &Axis, number| format!("{}: {}", axis.name, axis.unit.text(number));
        let mut lines = vec![named(&self.x, point.x), named(&self.y, point.y)];
        if !series.name.is_empty() {
            lines.insert(0, series.name.clone());
        }
        if point.spread.1 > point.spread.0 {
            let [least, greatest] = [point.spread.0, point.spread.1].map(|y| self.y.unit.text(y));
            lines.push(format!("between {least} and {greatest}, by the seed"));
        }
        lines.join("\n")
    }
}

fn class(number: usize, series: &Series) -> String {
    if series.is_guide { "guide".to_owned() } else { format!("c{}", number % COLOURS) }
}

/// How many colours the style sheet has.
const COLOURS: usize = 8;

fn along(x: &Scale, number: f64) -> f64 {
    LEFT + x.place(number) * (WIDTH - LEFT - RIGHT)
}

fn up(y: &Scale, number: f64) -> f64 {
    HEIGHT - BOTTOM - y.place(number) * (HEIGHT - TOP - BOTTOM)
}
