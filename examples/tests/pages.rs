//! The links of the pages lead somewhere, headings included.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::path::{Path, PathBuf};

/// The Markdown files in a folder and below.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => pages(&path),
        Some(extension) if extension == "md" => vec![path],
        _ => Vec::new(),
    };
    entries.flat_map(below).collect()
}

/// What is not code.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// The headings, as GitHub names them in links.
fn headings(page: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    prose(page).lines().filter(|line| line.starts_with('#')).map(of_line).collect()
}

#[test]
fn every_link_leads_to_a_page_or_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut from = pages(&root.join("docs"));
    from.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)));
    for folder in ["ack_then_work", "jetstream", "lambda"] {
        from.push(root.join("examples").join(folder).join("README.md"));
    }
    let (mut links, mut dead) = (0, Vec::new());
    for path in from {
        let page = std::fs::read_to_string(&path).unwrap();
        for link in prose(&page).split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            links += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            let there = match heading {
                "" => target.exists(),
                _ => std::fs::read_to_string(&target)
                    .is_ok_and(|page| headings(&page).iter().any(|known| known == heading)),
            };
            if !there {
                dead.push(format!("{}: {link}", path.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(links > 100, "only {links} links were found");
}
