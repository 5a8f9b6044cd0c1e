//! Dots on a logarithmic axis, for numbers that differ by powers of ten. A row has one or several.

use super::bars::short;
use super::scale::Scale;
use super::svg::{Anchor, MARGIN, Svg, WIDTH};
use super::{Mark, Panel, Words, describe};
use crate::results::Unit;

const PITCH: f64 = 23.0;
const HEADING: f64 = 30.0;
const GAP: f64 = 10.0;
const TOP: f64 = 66.0;

/// Marks that follow each other with the same label are one row.
pub fn dots(words: &Words, unit: Unit, panels: &[Panel], label: f64, beside: f64) -> String {
    let mut svg = Svg::new();
    svg.text(MARGIN, 32.0, Anchor::Start, "title", &words.title);
    svg.text(MARGIN, 52.0, Anchor::Start, "soft", &words.reading);
    let values = || panels.iter().flat_map(|panel| &panel.marks).map(|mark| mark.value);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    let (left, right) = (MARGIN + label, WIDTH - MARGIN - beside);
    let scale = Scale::logarithmic(least, most, left, right);
    let rows = |panel: &Panel| panel.marks.chunk_by(same).count() as f64;
    let height = |panel: &Panel| HEADING + PITCH * rows(panel) + GAP;
    let bottom = TOP + panels.iter().map(height).sum::<f64>();
    for value in scale.lines() {
        let x = scale.at(value);
        svg.text(x, bottom + 15.0, Anchor::Middle, "soft small", &short(unit, value));
    }
    let mut y = TOP;
    for panel in panels {
        svg.text(MARGIN, y + 19.0, Anchor::Start, "head", &panel.heading);
        y += HEADING;
        for value in scale.lines() {
            let x = scale.at(value);
            svg.line((x, y - 4.0), (x, y + PITCH * rows(panel) - 4.0), "grid");
        }
        for row in panel.marks.chunk_by(same) {
            let (middle, first, last) = (y + 7.5, &row[0], &row[row.len() - 1]);
            let class = if first.class == 0 { "ours" } else { "" };
            svg.text(left - 8.0, y + 12.0, Anchor::End, class, &first.label);
            let (from, to) =
                if row.len() == 1 { (first.low, first.high) } else { (first.value, last.value) };
            svg.path(
                &[(scale.at(from), middle), (scale.at(to), middle)],
                &format!("line s{}", first.class),
                "",
            );
            for mark in row {
                svg.dot(scale.at(mark.value), middle, 4.5, &format!("f{}", mark.class));
            }
            let text: Vec<&str> = row.iter().map(|mark| &*mark.text).collect();
            let class = format!("small {class}");
            svg.text(right + 14.0, y + 12.0, Anchor::Start, &class, &text.join(" / "));
            y += PITCH;
        }
        y += GAP;
    }
    svg.text(MARGIN, bottom + 36.0, Anchor::Start, "soft small", &words.foot);
    svg.finish(bottom + 52.0, &words.title, &describe(words, panels))
}

fn same(one: &Mark, other: &Mark) -> bool {
    one.label == other.label
}
