//! `cargo xtask package`: each published crate as crates.io would get it, and what must be in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::{cargo, root, step};
use crate::published::{self, selected};

const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

const FIELDS: [&str; 7] =
    ["categories", "description", "documentation", "keywords", "license", "readme", "rust-version"];

pub(crate) fn run() -> Result<(), String> {
    let root = root()?;
    let crates = published::all()?;
    // To build them once more would take minutes, and each is built alone by other steps.
    let package = ["package", "--offline", "--no-verify", "--allow-dirty", "--quiet"];
    let target = root.join("target/packages");
    let _ = fs::remove_dir_all(&target);
    step(
        Command::new(cargo())
            .args(package)
            .args(selected(&crates))
            .arg("--target-dir")
            .arg(&target)
            .current_dir(root),
    )?;
    let mut wrong = Vec::new();
    for published in &crates {
        let name = format!("{}-{}", published.name, published.version);
        let packages = target.join("package");
        let file = packages.join(format!("{name}.crate"));
        step(Command::new("tar").arg("xzf").arg(file).arg("-C").arg(&packages))?;
        wrong.extend(
            check(&packages.join(&name), root).into_iter().map(|it| format!("{name}: {it}")),
        );
    }
    for page in fs::read_dir(root).map_err(|error| error.to_string())?.flatten() {
        if page.path().extension().is_some_and(|extension| extension == "md") {
            wrong.extend(dead_links(&page.path()));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n> "));
    }
    println!("> {} crates package with their licences, README and metadata", crates.len());
    Ok(())
}

/// What is wrong with an unpacked crate.
fn check(package: &Path, root: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for licence in LICENCES {
        let packed = fs::read(package.join(licence)).ok();
        if packed.is_none() || packed != fs::read(root.join(licence)).ok() {
            wrong.push(format!("{licence} is missing, or is not the one of the workspace"));
        }
    }
    // Written by cargo, one field at the start of a line, whatever was inherited.
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    for field in FIELDS {
        if !manifest.lines().any(|line| line.starts_with(&format!("{field} = "))) {
            wrong.push(format!("Cargo.toml has no {field}"));
        }
    }
    wrong.extend(dead_links(&package.join("README.md")));
    wrong
}

/// The links of a page that lead to no file beside it.
fn dead_links(page: &Path) -> Vec<String> {
    let name = page.file_name().unwrap_or_default().to_string_lossy();
    let Ok(text) = fs::read_to_string(page) else {
        return vec![format!("{name} is missing")];
    };
    let leads = |link: &str| {
        let elsewhere = link.starts_with("https://") || link.starts_with('#');
        let file = link.split('#').next().unwrap_or_default();
        elsewhere || page.with_file_name(file).exists()
    };
    let dead = links(&text).into_iter().filter(|link| !leads(link));
    dead.map(|link| format!("{name} links to {link}, which is not there")).collect()
}

/// The targets of `[text](target)` outside of blocks of code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let text = "[a](b.md), [`c`](d#e \"title\")\n```rust\nx[0](f)\n```\n[g](https://h)";
        assert_eq!(links(text), ["b.md", "d#e", "https://h"]);
    }
}
