//! `cargo xtask msrv`: each published crate with the oldest Rust that it says it works with.

use std::collections::BTreeMap;
use std::process::Command;

use crate::command::{root, said, step};
use crate::published::{self, Published, selected};

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let install = match arguments {
        [] => false,
        [install] if install == "--install" => true,
        _ => return Err("usage: cargo xtask msrv [--install]".to_owned()),
    };
    let crates = published::all()?;
    let mut by_version: BTreeMap<&str, Vec<&Published>> = BTreeMap::new();
    for published in &crates {
        by_version.entry(&published.rust).or_default().push(published);
    }
    let mut skipped = Vec::new();
    for (wanted, crates) in by_version {
        let toolchain = toolchain(wanted, install)?;
        if !is(&toolchain, wanted) {
            let names: Vec<_> = crates.iter().map(|published| published.name.as_str()).collect();
            let why = match install {
                true => "cannot be installed here",
                false => "is not installed, which `--install` does",
            };
            skipped.push(format!(
                "SKIPPED: Rust {wanted} {why}, so these were only checked with {toolchain}: {}",
                names.join(", ")
            ));
        }
        println!("> cargo check, with Rust {toolchain}");
        step(
            Command::new("rustup")
                .args(["run", &toolchain, "cargo", "check", "--locked", "--all-features"])
                .args(["--target-dir", "target/msrv"])
                .args(selected(crates))
                .current_dir(root()?),
        )?;
    }
    for line in skipped {
        println!("{line}");
    }
    Ok(())
}

/// The wanted one, or else the oldest here that is newer.
fn toolchain(wanted: &str, install: bool) -> Result<String, String> {
    let installed = said(Command::new("rustup").args(["toolchain", "list"]));
    let oldest = choose(&installed.ok_or("this needs rustup")?, wanted);
    if install && !oldest.as_deref().is_some_and(|oldest| is(oldest, wanted)) {
        let install = ["toolchain", "install", wanted, "--profile", "minimal", "--no-self-update"];
        if step(Command::new("rustup").args(install)).is_ok() {
            return Ok(wanted.to_owned());
        }
    }
    oldest.ok_or_else(|| format!("no Rust from {wanted} on is installed"))
}

/// From lines such as `1.88-x86_64-unknown-linux-gnu`. One without a number, such as `stable`, counts
/// as the newest.
fn choose(installed: &str, wanted: &str) -> Option<String> {
    let names = installed.lines().filter_map(|line| line.split(['-', ' ']).next());
    let minor = |name: &str| name.strip_prefix("1.")?.split('.').next()?.parse::<u32>().ok();
    let wanted = minor(wanted)?;
    let newer = names.filter(|name| minor(name).is_none_or(|minor| minor >= wanted));
    newer.min_by_key(|name| minor(name).unwrap_or(u32::MAX)).map(str::to_owned)
}

/// Whether `1.88.0` is `1.88`.
fn is(toolchain: &str, wanted: &str) -> bool {
    toolchain.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{choose, is};

    #[test]
    fn the_oldest_that_is_new_enough_is_chosen() {
        let installed = "stable-x (active, default)\nnightly-x\n1.87-x\n1.94.1-x\n1.95.0-x";
        assert_eq!(choose(installed, "1.87").as_deref(), Some("1.87"));
        assert_eq!(choose(installed, "1.88").as_deref(), Some("1.94.1"));
        assert_eq!(choose(installed, "1.96").as_deref(), Some("stable"));
        assert_eq!(choose("1.87-x", "1.88"), None);
    }

    #[test]
    fn a_patch_is_the_version_that_it_patches() {
        assert!(is("1.94", "1.94") && is("1.94.1", "1.94"));
        assert!(!is("1.94", "1.9") && !is("stable", "1.94"));
    }
}
