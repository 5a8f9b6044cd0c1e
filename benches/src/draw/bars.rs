//! Horizontal bars under headings, in one column or two, all on one scale that begins at nothing.

use super::scale::Scale;
use super::svg::{Anchor, MARGIN, Svg, WIDTH};
use super::{Panel, Words, describe};
use crate::results::Unit;

const BAR: f64 = 15.0;
const PITCH: f64 = 23.0;
const HEADING: f64 = 30.0;
const GAP: f64 = 10.0;
const TOP: f64 = 66.0;

/// `columns` holds the panels of each column.
pub fn bars(words: &Words, unit: Unit, columns: &[Vec<Panel>], label: f64) -> String {
    let mut svg = Svg::new();
    svg.text(MARGIN, 32.0, Anchor::Start, "title", &words.title);
    svg.text(MARGIN, 52.0, Anchor::Start, "soft", &words.reading);
    let all = || columns.iter().flatten().flat_map(|panel| &panel.marks);
    let most = all().map(|mark| mark.value).fold(0.0, f64::max);
    let longest =
        all().map(|mark| mark.text.chars().count()).max().unwrap_or(0) as f64 * 7.0 + 14.0;
    let height = |panels: &Vec<Panel>| -> f64 {
        panels.iter().map(|panel| HEADING + PITCH * panel.marks.len() as f64 + GAP).sum()
    };
    let bottom = TOP + columns.iter().map(height).fold(0.0, f64::max);
    let space = (WIDTH - 2.0 * MARGIN + MARGIN) / columns.len() as f64;
    for (number, panels) in columns.iter().enumerate() {
        let left = MARGIN + number as f64 * space;
        let end = left + space - MARGIN - longest;
        let of = if unit == Unit::Bytes { 1024.0 } else { 1.0 };
        let lines = 4.0 / columns.len() as f64;
        let scale = Scale::linear(most, of, lines, left + label, end);
        for value in scale.lines() {
            let text = if value == 0.0 { "0".to_owned() } else { short(unit, value) };
            svg.text(scale.at(value), bottom + 15.0, Anchor::Middle, "soft small", &text);
        }
        let mut y = TOP;
        for panel in panels {
            svg.text(left, y + 19.0, Anchor::Start, "head", &panel.heading);
            y += HEADING;
            for value in scale.lines() {
                let (x, height) = (scale.at(value), PITCH * panel.marks.len() as f64);
                svg.line((x, y - 4.0), (x, y + height - 4.0), "grid");
            }
            for mark in &panel.marks {
                let class = if mark.class == 0 { "ours" } else { "" };
                let (middle, text) = (y + BAR / 2.0, y + BAR - 2.5);
                svg.text(left + label - 8.0, text, Anchor::End, class, &mark.label);
                let start = scale.at(0.0);
                let width = (scale.at(mark.value) - start).max(1.0);
                svg.rect(start, y, width, BAR, &format!("f{}", mark.class));
                let high = scale.at(mark.high).min(end + 12.0);
                if mark.high > mark.low {
                    svg.line((scale.at(mark.low), middle), (high, middle), "whisker");
                }
                let beside = high.max(start + width) + 6.0;
                svg.text(beside, text, Anchor::Start, &format!("small {class}"), &mark.text);
                y += PITCH;
            }
            y += GAP;
        }
    }
    svg.text(MARGIN, bottom + 36.0, Anchor::Start, "soft small", &words.foot);
    let description = describe(words, columns.iter().flatten());
    svg.finish(bottom + 52.0, &words.title, &description)
}

/// A round number without the zeros after its point.
pub fn short(unit: Unit, value: f64) -> String {
    let text = unit.write(value);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    if number.contains('.') {
        let number = number.trim_end_matches('0').trim_end_matches('.');
        return format!("{number} {unit}");
    }
    text
}
