//! The commands of a page, run as a reader of it would.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The page's block of this kind (`sh`, `console`) that contains this, without the indentation of the
/// list that it is in.
pub(crate) fn block(page: &str, kind: &str, part: &str) -> String {
    let (before, after) = page.split_once(part).unwrap();
    let (_, start) = before.rsplit_once(&format!("```{kind}\n")).unwrap();
    let (end, _) = after.split_once("```").unwrap();
    format!("{start}{part}{end}").replace("\n   ", "\n").trim().to_owned()
}

/// A folder for one test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a script in a folder, with these variables, and gives what it printed.
pub(crate) async fn bash(script: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).stdin(Stdio::null());
    let output = command.envs(variables.iter().copied()).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// For a script: what makes `countersign` the program of the same build as this test.
pub(crate) fn countersign() -> String {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("countersign");
    assert!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    format!("countersign() {{ '{}' \"$@\"; }}\n", program.display())
}
