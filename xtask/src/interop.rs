//! `cargo xtask interop`: official SDKs and countersign judge each other's deliveries.

use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) fn run(arguments: Vec<String>) -> ExitCode {
    match interop(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("> {problem}");
            ExitCode::FAILURE
        }
    }
}

fn interop(arguments: &[String]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no parent")?;
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
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--package", "countersign-tests", "--bin", "interop-engine"];
    step(Command::new(&cargo).args(build).current_dir(root))?;
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

fn step(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name}: {status}")),
        Err(error) => Err(format!("cannot run {name}: {error}")),
    }
}
