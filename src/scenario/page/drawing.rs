//! A drawing with a heading and a legend: as a file of its own (SVG), or in a page of its own.

use std::fmt::Write;

use super::words::escaped;
use super::{DRAWING, SCRIPT, STYLE};

/// Around a drawing that is a file of its own.
const MARGIN: f64 = 28.0;
/// Of a sign in the legend, about.
const SIGN_WIDTH: f64 = 8.2;
const LEGEND_LINE: f64 = 26.0;

/// What a sign of the legend looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// A node of this class.
    Node(&'static str),
    /// A line of this class.
    Line(&'static str),
}

/// Something to look at.
pub(super) struct Drawing<'a> {
    pub(super) title: &'a str,
    /// Lines below the title.
    pub(super) about: &'a [String],
    /// The elements, within `width` and `height`.
    pub(super) elements: String,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) legend: Vec<(Sign, &'static str)>,
}

impl Drawing<'_> {
    /// As a file that needs nothing else.
    pub(super) fn svg(&self) -> String {
        let width = self.width.max(640.0) + 2.0 * MARGIN;
        let mut head = format!(
            "<text class=\"head\" x=\"{MARGIN}\" y=\"{:.0}\">{}</text>\n",
            MARGIN + 18.0,
            escaped(self.title)
        );
        let mut y = MARGIN + 20.0;
        for line in self.about {
            y += 22.0;
            let line = escaped(line);
            let _ =
                writeln!(head, "<text class=\"said\" x=\"{MARGIN}\" y=\"{y:.0}\">{line}</text>");
        }
        y += MARGIN;
        let x = (width - self.width) / 2.0;
        let (legend, legend_height) = self.legend(width, y + self.height + MARGIN);
        let height = y + self.height + MARGIN + legend_height;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\">\n<style>\n{DRAWING}</style>\n\
             <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{head}\
             <g transform=\"translate({x:.1} {y:.1})\">\n{}</g>\n{legend}</svg>\n",
            self.elements
        )
    }

    /// The legend from this height on, and how high it is.
    fn legend(&self, width: f64, top: f64) -> (String, f64) {
        let mut text = String::new();
        let (mut x, mut y) = (MARGIN, top);
        for (sign, words) in &self.legend {
            let wide = 40.0 + SIGN_WIDTH * words.chars().count() as f64;
            if x > MARGIN && x + wide > width - MARGIN {
                (x, y) = (MARGIN, y + LEGEND_LINE);
            }
            let _ = match sign {
                Sign::Node(class) => writeln!(
                    text,
                    "<circle class=\"node {class}\" cx=\"{:.0}\" cy=\"{y:.0}\" r=\"7\"/>",
                    x + 9.0
                ),
                Sign::Line(class) => writeln!(
                    text,
                    "<line class=\"{class}\" x1=\"{x:.0}\" y1=\"{y:.0}\" x2=\"{:.0}\" y2=\"{y:.0}\"/>",
                    x + 20.0
                ),
            };
            let _ = writeln!(
                text,
                "<text class=\"said\" x=\"{:.0}\" y=\"{:.0}\">{}</text>",
                x + 27.0,
                y + 5.0,
                escaped(words)
            );
            x += wide;
        }
        (text, y - top + LEGEND_LINE)
    }

    /// The drawing alone, to be set into a page.
    pub(super) fn inline(&self) -> String {
        let margin = 14.0;
        format!(
            "<svg style=\"max-width:{:.0}px\" viewBox=\"-{margin} -{margin} {:.0} {:.0}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            self.width * 1.3 + 100.0,
            self.width + 2.0 * margin,
            self.height + 2.0 * margin,
            escaped(self.title),
            self.elements
        )
    }
}

/// A page with this heading, these lines and this body.
pub(super) fn page(title: &str, about: &[String], body: &str) -> String {
    let about: String = about.iter().map(|line| format!("<p>{}</p>\n", escaped(line))).collect();
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title>\n<style>\n{DRAWING}{STYLE}</style></head>\n<body><main>\n\
         <h1>{title}</h1>\n{about}{body}</main>\n<script>\n{SCRIPT}</script></body></html>\n"
    )
}

/// The number of a node inside its circle, if there is room.
pub(super) fn number(
    class: &str,
    hop: &str,
    number: u32,
    (x, y): (f64, f64),
    radius: f64,
) -> String {
    if radius < 6.5 {
        return String::new();
    }
    let digits = number.to_string();
    let size = radius * if digits.len() > 2 { 0.82 } else { 1.05 };
    format!(
        "<text class=\"number{class}\"{hop} x=\"{x:.1}\" y=\"{y:.1}\" style=\"font-size:{size:.1}px\">\
         {digits}</text>\n"
    )
}
