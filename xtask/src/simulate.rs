//! `cargo xtask simulate`: the core in simulated worlds, as it is and with mistakes planted in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{cargo, root, step};

/// How many seeds a planted mistake is looked for in.
const SEEDS: &str = "200000";

/// Where mistakes are planted.
const COPY: &str = "target/faults";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.split_first() {
        Some((first, rest)) if first == "--faults" => match faults(rest)? {
            true => Ok(()),
            false => Err("a planted mistake was not found".to_owned()),
        },
        Some((first, rest)) if first == "--check-faults" => check_faults(rest),
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
    let copy = root.join(COPY);
    let mut all_found = true;
    prepare(root, &copy)?;
    build(&copy)?;
    for fault in list(&copy)? {
        if is_wanted(&fault, only) {
            all_found &= look_for(&copy, &fault, &["--fault", &fault])?;
        }
    }
    for (name, patch) in patches(root, only)? {
        prepare(root, &copy)?;
        plant(&copy, &patch).and_then(|()| build(&copy)).map_err(|why| format!("{name}: {why}"))?;
        all_found &= look_for(&copy, &name, &[])?;
    }
    Ok(all_found)
}

/// Plants each mistake in the core in turn, and only compiles it. A change of the core can make a patch
/// useless; this says so in a short time.
fn check_faults(only: &[String]) -> Result<(), String> {
    let root = root()?;
    let copy = root.join(COPY);
    let patches = patches(root, only)?;
    let mut useless = 0;
    for (name, patch) in &patches {
        prepare(root, &copy)?;
        let checked = plant(&copy, patch)
            .and_then(|()| cargo_in(&copy, &["check", "--package", "countersign-simulation"]));
        if let Err(problem) = checked {
            println!("{name}: {problem}");
            useless += 1;
        }
    }
    if useless > 0 {
        return Err(format!("{useless} of {} planted mistakes are useless", patches.len()));
    }
    println!("> {} planted mistakes apply and compile", patches.len());
    Ok(())
}

fn is_wanted(name: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|only| name.contains(only))
}

/// The mistakes in the core, by name.
fn patches(root: &Path, only: &[String]) -> Result<Vec<(String, PathBuf)>, String> {
    let mut patches = read_dir(&root.join("tests/simulation/faults"))?;
    patches.sort();
    let named = patches
        .into_iter()
        .map(|patch| (patch.file_stem().unwrap_or_default().to_string_lossy().into_owned(), patch));
    Ok(named.filter(|(name, _)| is_wanted(name, only)).collect())
}

fn plant(copy: &Path, patch: &Path) -> Result<(), String> {
    let applied = Command::new("patch")
        // With other lines around it, it may be another mistake.
        .args(["--silent", "--fuzz=0", "-p1", "-i"])
        .arg(patch)
        .current_dir(copy)
        .status()
        .map_err(|error| format!("cannot run `patch`: {error}"))?;
    if applied.success() {
        Ok(())
    } else {
        Err(String::from("the patch does not fit the core any more"))
    }
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
    cargo_in(copy, &["build", "--release", "--package", "countersign-simulation"])
}

fn cargo_in(copy: &Path, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(cargo())
        .args(arguments)
        .arg("--quiet")
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("RUSTFLAGS", "--cap-lints=allow")
        .current_dir(copy)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(String::from("the planted mistake does not compile"))
    }
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
