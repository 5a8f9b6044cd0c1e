//! `countersign completions`, `countersign man` and `--help`: every command is in each of them.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert!(ran.status.success() && ran.stderr.is_empty(), "{arguments:?} {ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

const COMMANDS: [&str; 6] = ["listen", "verify", "providers", "trigger", "completions", "man"];

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} {command}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn every_command_has_a_page_and_examples() {
    let program = printed(&["man"]);
    let help = printed(&["--help"]);
    for command in COMMANDS {
        assert!(program.contains(command) && help.contains(command), "{command}");
        let page = printed(&["man", command]);
        assert!(page.contains(&format!("countersign\\-{command}")), "{page}");
        let help = printed(&[command, "--help"]);
        assert!(help.contains("Example") || command == "providers", "{command}: {help}");
    }
    let verify = printed(&["man", "verify"]);
    assert!(verify.contains("\\-\\-request") && verify.contains("Exit codes"), "{verify}");
    let wrong = run(&["man", "lisen"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("no command `lisen`"));
}
