//! `cargo xtask interop`: official SDKs and countersign judge each other's deliveries.

use std::process::Command;

use crate::command::{cargo, root, step};

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let root = root()?;
    let folder = root.join("tests/interop");
    let node = Command::new("node").arg("--version").output();
    let version = node.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    let major = version.as_deref().unwrap_or_default().trim_start_matches('v').split('.').next();
    if major.and_then(|major| major.parse::<u32>().ok()).is_none_or(|major| major < 20) {
        return Err(
            "the SDKs need Node 20 or newer, with npm: install it from nodejs.org or with \
                    your system's package manager"
                .to_owned(),
        );
    }
    let lock =
        std::fs::read(folder.join("package-lock.json")).map_err(|error| error.to_string())?;
    let installed = folder.join("node_modules/.installed-lock");
    if std::fs::read(&installed).ok().as_ref() != Some(&lock) {
        step(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
        std::fs::write(&installed, &lock).map_err(|error| error.to_string())?;
    }
    let build = ["build", "--package", "countersign-tests", "--bin", "interop-engine"];
    step(Command::new(cargo()).args(build).current_dir(root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let engine = root.join(target).join("debug/interop-engine");
    step(
        Command::new("node")
            .arg("run.mjs")
            .args(arguments)
            .arg("--")
            .arg(engine)
            .current_dir(&folder),
    )
}
