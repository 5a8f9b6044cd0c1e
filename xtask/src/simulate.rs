//! `cargo xtask simulate`: the core in simulated worlds, as it is and with mistakes planted in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{cargo, root, step};

/// How many seeds a planted mistake is looked for in.
const SEEDS: &str = "200000";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.split_first() {
        Some((first, rest)) if first == "--faults" => match faults(rest)? {
            true => Ok(()),
            false => Err("a planted mistake was not found".to_owned()),
        },
        _ => plain(arguments),
    }
}

fn plain(arguments: &[String]) -> Result<(), String> {
    let built = ["run", "--quiet", "--release", "--package", "countersign-simulation", "--"];
    step(Command::new(cargo()).args(built).args(arguments))
}

/// Plants each mistake in turn, and tells in how many seeds it is found.
fn faults(only: &[String]) -> Result<bool, String> {
    let root = root()?;
    let copy = root.join("target/faults");
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| name.contains(only));
    let mut all_found = true;
    prepare(root, &copy)?;
    build(&copy)?;
    for fault in list(&copy)? {
        if wanted(&fault) {
            all_found &= look_for(&copy, &fault, &["--fault", &fault])?;
        }
    }
    let mut patches: Vec<PathBuf> = read_dir(&root.join("tests/simulation/faults"))?;
    patches.sort();
    for patch in patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !wanted(&name) {
            continue;
        }
        prepare(root, &copy)?;
        let applied = Command::new("patch")
            .args(["--silent", "-p1", "-i"])
            .arg(&patch)
            .current_dir(&copy)
            .status()
            .map_err(|error| format!("cannot run `patch`: {error}"))?;
        if !applied.success() {
            return Err(format!("{name}: the patch does not fit the core any more"));
        }
        build(&copy)?;
        all_found &= look_for(&copy, &name, &[])?;
    }
    Ok(all_found)
}

/// A workspace of the core and the simulation alone.
fn prepare(root: &Path, copy: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("cannot copy the sources: {error}");
    for folder in ["crates/countersign/src", "tests/simulation/src"] {
        let _ = fs::remove_dir_all(copy.join(folder));
        copy_folder(&root.join(folder), &copy.join(folder)).map_err(told)?;
    }
    let files = [
        "Cargo.lock",
        "crates/countersign/Cargo.toml",
        "crates/countersign/README.md",
        "tests/simulation/Cargo.toml",
    ];
    for file in files {
        fs::copy(root.join(file), copy.join(file)).map_err(told)?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(told)?;
    let (before, rest) = manifest.split_once("members = [").ok_or("no members in Cargo.toml")?;
    let (_, after) = rest.split_once("]\n").ok_or("no end of the members in Cargo.toml")?;
    let members = "members = [\"crates/countersign\", \"tests/simulation\"]\n";
    fs::write(copy.join("Cargo.toml"), format!("{before}{members}{after}")).map_err(told)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn build(copy: &Path) -> Result<(), String> {
    let arguments = ["build", "--quiet", "--release", "--package", "countersign-simulation"];
    let status = Command::new(cargo())
        .args(arguments)
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("RUSTFLAGS", "--cap-lints=allow")
        .current_dir(copy)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(String::from("a planted mistake does not compile")) }
}

fn simulate(copy: &Path, arguments: &[&str]) -> Result<(bool, String), String> {
    let output = Command::new(copy.join("target/release/simulate"))
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot run the simulation: {error}"))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The mistakes that the simulation itself can plant.
fn list(copy: &Path) -> Result<Vec<String>, String> {
    let (_, names) = simulate(copy, &["--list-faults"])?;
    Ok(names.lines().map(str::to_owned).collect())
}

fn look_for(copy: &Path, name: &str, arguments: &[&str]) -> Result<bool, String> {
    let mut all = vec!["--seeds", SEEDS, "--go-on"];
    all.extend(arguments);
    let (kept, said) = simulate(copy, &all)?;
    println!("{name}: {}", said.lines().last().unwrap_or("nothing was said"));
    Ok(!kept)
}

fn read_dir(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
