//! Lines over a logarithmic axis, in panels side by side with a legend for all.

use super::scale::Scale;
use super::svg::{Anchor, MARGIN, Svg, WIDTH};
use super::{Panel, Words, describe};

/// One line: the places on the axis with their numbers.
pub struct Line {
    pub side: String,
    pub class: usize,
    pub points: Vec<(f64, f64)>,
}

pub struct LinePanel {
    pub heading: String,
    pub lines: Vec<Line>,
}

/// How the axes are written.
pub struct Axes<'a> {
    /// The places that get a label, and the labels.
    pub places: &'a [(f64, &'a str)],
    /// The numbers that get a line, from the lowest to the highest.
    pub numbers: &'a [(f64, &'a str)],
    /// What the axis below is.
    pub below: &'a str,
}

const TOP: f64 = 96.0;
const HEIGHT: f64 = 240.0;
const DASHES: [&str; 8] = ["", "2 3", "", "7 3", "2 3", "7 3", "9 3 2 3", "2 3"];

pub fn lines(words: &Words, axes: &Axes<'_>, panels: &[LinePanel], data: &[Panel]) -> String {
    let mut svg = Svg::new();
    svg.text(MARGIN, 32.0, Anchor::Start, "title", &words.title);
    svg.text(MARGIN, 52.0, Anchor::Start, "soft", &words.reading);
    let labels = 34.0;
    let space = (WIDTH - 2.0 * MARGIN - labels + 20.0) / panels.len() as f64;
    let bottom = TOP + HEIGHT;
    let (lowest, highest) = (axes.numbers[0].0, axes.numbers[axes.numbers.len() - 1].0);
    let up = Scale::between(lowest, highest, bottom, TOP);
    let (first, last) = (axes.places[0].0, axes.places[axes.places.len() - 1].0);
    for (number, panel) in panels.iter().enumerate() {
        let left = MARGIN + labels + number as f64 * space;
        let along = Scale::between(first, last, left + 6.0, left + space - 26.0);
        svg.text(left, TOP - 14.0, Anchor::Start, "head", &panel.heading);
        for (value, text) in axes.numbers {
            let y = up.at(*value);
            svg.line((left, y), (left + space - 20.0, y), "grid");
            if number == 0 {
                svg.text(left - 8.0, y + 4.0, Anchor::End, "soft small", text);
            }
        }
        for (value, text) in axes.places {
            // The outer ones stay inside, or they would touch those of the next panel.
            let anchor = match *value {
                value if value == first => Anchor::Start,
                value if value == last => Anchor::End,
                _ => Anchor::Middle,
            };
            svg.text(along.at(*value), bottom + 18.0, anchor, "soft small", text);
        }
        // Ours last, so that nothing lies above it.
        for line in panel.lines.iter().rev() {
            let place = |(x, y): &(f64, f64)| (along.at(*x), up.at(y.clamp(lowest, highest)));
            let points: Vec<(f64, f64)> = line.points.iter().map(place).collect();
            svg.path(&points, &format!("line s{}", line.class), DASHES[line.class % DASHES.len()]);
            for (x, y) in points {
                svg.dot(x, y, 3.2, &format!("f{}", line.class));
            }
        }
    }
    let middle = MARGIN + labels + (WIDTH - 2.0 * MARGIN - labels) / 2.0;
    svg.text(middle, bottom + 38.0, Anchor::Middle, "soft small", axes.below);
    let mut sides: Vec<&Line> = Vec::new();
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        if !sides.iter().any(|other| other.side == line.side) {
            sides.push(line);
        }
    }
    let mut x = MARGIN;
    let mut y = bottom + 66.0;
    for line in sides {
        let width = 34.0 + line.side.chars().count() as f64 * 7.2 + 18.0;
        if x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + 22.0);
        }
        let class = format!("line s{}", line.class);
        svg.path(&[(x, y - 4.0), (x + 26.0, y - 4.0)], &class, DASHES[line.class % DASHES.len()]);
        svg.dot(x + 13.0, y - 4.0, 3.2, &format!("f{}", line.class));
        let class = if line.class == 0 { "ours" } else { "" };
        svg.text(x + 33.0, y, Anchor::Start, class, &line.side);
        x += width;
    }
    svg.text(MARGIN, y + 28.0, Anchor::Start, "soft small", &words.foot);
    svg.finish(y + 44.0, &words.title, &describe(words, data))
}
