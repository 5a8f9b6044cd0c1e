//! `cargo xtask api`: what the public API of the libraries lost and gained since another commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{cargo, root, said, step};
use crate::published::{self, Published, selected};

const INSTALL: &str = "cargo install --locked cargo-public-api@0.52.0";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let asked = match arguments {
        [] => None,
        [base, commit] if base == "--base" => Some(commit.as_str()),
        _ => return Err("usage: cargo xtask api [--base COMMIT]".to_owned()),
    };
    if said(Command::new(cargo()).args(["public-api", "--version"])).is_none() {
        return Err(format!("this needs cargo-public-api: {INSTALL}"));
    }
    let base = match asked {
        Some(commit) => Some(resolve(commit).ok_or_else(|| format!("no commit {commit} here"))?),
        None => base(),
    };
    let Some(base) = base else {
        println!("SKIPPED: this clone has neither a `main` nor an earlier commit to compare with");
        return Ok(());
    };
    println!("> the public API now, compared with {}", describe(&base));
    let work = root()?.join("target/api");
    let then = work.join("then");
    check_out(&base, &then)?;
    let mut libraries = published::all()?;
    libraries.retain(|published| published.is_library);
    let json_now = document(root()?, &libraries, &work.join("json/now"))?;
    let json_then = document(&then, &libraries, &work.join("json/then"))?;
    for (library, (then, now)) in libraries.iter().zip(json_then.iter().zip(&json_now)) {
        compare(&library.name, then.as_deref(), now.as_deref())?;
    }
    Ok(())
}

/// Where the current work left `main`. On `main` itself, or without one, the commit before.
fn base() -> Option<String> {
    let head = resolve("HEAD")?;
    let main = ["origin/main", "main"].into_iter().find_map(resolve);
    // A shallow clone may have no common commit.
    let left = main.map(|main| said(git().args(["merge-base", "HEAD", &main])).unwrap_or(main));
    let changed = said(git().args(["diff", "--quiet", "HEAD", "--", "crates"])).is_none();
    left.filter(|left| *left != head || changed).or_else(|| resolve("HEAD~1"))
}

fn resolve(commit: &str) -> Option<String> {
    said(git().args(["rev-parse", "--verify", "--quiet"]).arg(format!("{commit}^{{commit}}")))
}

fn describe(commit: &str) -> String {
    said(git().args(["log", "-1", "--format=%h: %s", commit])).unwrap_or_else(|| commit.to_owned())
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    git
}

/// The files of a commit.
fn check_out(commit: &str, folder: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(told)?;
    let archive = folder.with_extension("tar");
    step(git().args(["archive", commit, "-o"]).arg(&archive))?;
    step(Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(folder))
}

/// The JSON of rustdoc for each library that this workspace has.
fn document(
    workspace: &Path,
    libraries: &[Published],
    folder: &Path,
) -> Result<Vec<Option<PathBuf>>, String> {
    let has = |library: &Published| workspace.join("crates").join(&library.name).exists();
    let target = root()?.join("target/api/target");
    let present = || selected(libraries.iter().filter(|library| has(library)));
    // Dependencies are built once for both commits. To cargo the crates of both are the same,
    // and it would take what it has of one for the other.
    step(
        Command::new(cargo())
            .args(["clean", "--quiet"])
            .args(present())
            .env("CARGO_TARGET_DIR", &target)
            .current_dir(workspace),
    )?;
    step(
        Command::new(cargo())
            .args(["doc", "--quiet", "--no-deps", "--lib", "--all-features"])
            .args(present())
            // No nightly for one unstable option.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow")
            .env("CARGO_TARGET_DIR", &target)
            .current_dir(workspace),
    )?;
    let copy = |library: &Published| {
        let file = format!("{}.json", library.name.replace('-', "_"));
        fs::create_dir_all(folder)?;
        fs::copy(target.join("doc").join(&file), folder.join(&file))?;
        Ok(folder.join(&file))
    };
    let copy = |library| has(library).then(|| copy(library)).transpose();
    let copied: std::io::Result<Vec<_>> = libraries.iter().map(copy).collect();
    copied.map_err(|error| format!("rustdoc wrote no JSON: {error}"))
}

fn compare(name: &str, then: Option<&Path>, now: Option<&Path>) -> Result<(), String> {
    let (Some(then), Some(now)) = (then, now) else {
        println!("{name}: new");
        return Ok(());
    };
    let compare = Command::new(cargo())
        .args(["public-api", "-sss", "--color", "never", "diff"])
        .args([then, now])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !compare.status.success() {
        println!("SKIPPED: {name}: cargo-public-api does not understand what this rustdoc writes");
        return Ok(());
    }
    let said = String::from_utf8_lossy(&compare.stdout);
    let lines = said.lines().filter(|line| line.starts_with(['+', '-']));
    let lines: Vec<_> = lines.map(|line| format!("    {line}\n")).collect();
    match lines.len() {
        0 => println!("{name}: no change"),
        _ => print!("{name}:\n{}", lines.concat()),
    }
    Ok(())
}
