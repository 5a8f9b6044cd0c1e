//! An SVG, written by hand: shapes and text, colours for a light and a dark page, a title and a description
//! for people who do not see it. No font and no script comes with it.

use std::fmt::Write as _;

pub const WIDTH: f64 = 860.0;
pub const MARGIN: f64 = 24.0;

/// Colours by class. The background is the picture's own, because a page may be dark where the system is
/// light.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;fill:#1f2328}\
.title{font-size:17px;font-weight:600}.head{font-size:14px;font-weight:600}\
.soft{fill:#59636e}.small{font-size:12px}.ours{font-weight:600}\
.paper{fill:#fff;stroke:#d1d9e0}.grid{stroke:#d1d9e0;stroke-width:1}.whisker{stroke:#1f2328;stroke-width:1.2}\
.f0{fill:#0969da}.f1{fill:#818b98}.f2{fill:#bc4c00}.f3{fill:#1a7f37}.f4{fill:#8250df}.f5{fill:#bf3989}\
.f6{fill:#0f766e}.f7{fill:#7d4e00}.f8{fill:#0550ae}\
.s0{stroke:#0969da}.s1{stroke:#818b98}.s2{stroke:#bc4c00}.s3{stroke:#1a7f37}.s4{stroke:#8250df}\
.s5{stroke:#bf3989}.s6{stroke:#0f766e}.s7{stroke:#7d4e00}.s8{stroke:#0550ae}\
.line{fill:none;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.soft{fill:#9198a1}\
.paper{fill:#0d1117;stroke:#3d444d}.grid{stroke:#2f353d}.whisker{stroke:#f0f6fc}\
.f0{fill:#4493f8}.f1{fill:#7d8590}.f2{fill:#f0883e}.f3{fill:#3fb950}.f4{fill:#ab7df8}.f5{fill:#f778ba}\
.f6{fill:#2dd4bf}.f7{fill:#d4a72c}.f8{fill:#79c0ff}\
.s0{stroke:#4493f8}.s1{stroke:#7d8590}.s2{stroke:#f0883e}.s3{stroke:#3fb950}.s4{stroke:#ab7df8}\
.s5{stroke:#f778ba}.s6{stroke:#2dd4bf}.s7{stroke:#d4a72c}.s8{stroke:#79c0ff}}";

/// A picture in the making.
pub struct Svg {
    body: String,
}

#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub fn new() -> Self {
        Self { body: String::new() }
    }

    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}"{anchor} class="{class}">{text}</text>"#
        );
    }

    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" class="{class}"/>"#
        );
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        );
    }

    pub fn path(&mut self, points: &[(f64, f64)], class: &str, dashes: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let points = points.join(" L");
        let dashes = if dashes.is_empty() {
            String::new()
        } else {
            format!(r#" stroke-dasharray="{dashes}""#)
        };
        let _ = writeln!(self.body, r#"<path d="M{points}" class="{class}"{dashes}/>"#);
    }

    pub fn dot(&mut self, x: f64, y: f64, radius: f64, class: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" class="{class}"/>"#
        );
    }

    /// The file.
    pub fn finish(self, height: f64, title: &str, description: &str) -> String {
        let (title, description) = (escaped(title), escaped(description));
        let (width, height) = (WIDTH, height.ceil());
        let (paper_width, paper_height) = (width - 1.0, height - 1.0);
        let body = self.body;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title desc">
<title id="title">{title}</title>
<desc id="desc">{description}</desc>
<style>{STYLE}</style>
<rect x="0.5" y="0.5" width="{paper_width}" height="{paper_height}" rx="6" class="paper"/>
{body}</svg>
"#
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
