//! A start that cannot be is refused in one sentence.

use std::net::TcpListener;

use crate::program::{SECRET, command};

/// Runs to the end; returns the exit code and what is on stderr.
fn run(args: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let output = command(args).envs(environment.iter().copied()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn refused(args: &[&str], environment: &[(&str, &str)], expected: &str) {
    let (code, said) = run(&[&["listen"], args].concat(), environment);
    assert!(code == 1 || code == 2, "{args:?}: {code}");
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(said.contains(expected), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    assert!(!said.contains(SECRET), "{args:?}: {said}");
    for debug in ["Err(", "Error {", "Os {", "Some("] {
        assert!(!said.contains(debug), "{args:?}: {said}");
    }
}

fn bad(args: &str, expected: &str) {
    refused(&args.split(' ').collect::<Vec<_>>(), &[], expected);
}

const GOOD: &str = "--provider piora=env:SECRET --addr 127.0.0.1:0";

#[test]
fn bad_flags() {
    bad("", "unexpected argument ''");
    bad("--addr 127.0.0.1:0", "--provider");
    bad("--providr piora=env:SECRET", "'--provider'");
    bad(&format!("{GOOD} --max-body many"), "--max-body");
    bad(&format!("{GOOD} --max-body 0"), "`max_body` is zero");
    bad(
        &format!("{GOOD} --store redis"),
        "--store is memory, sqlite:PATH, postgres://…, redis://…, or env:VARIABLE",
    );
    bad(&format!("{GOOD} --lease soon"), "--lease");
    bad(&format!("{GOOD} --lease 0s"), "`lease` is zero");
    bad(&format!("{GOOD} --shutdown-timeout soon"), "--shutdown-timeout");
    bad(&format!("{GOOD} --lease 15h"), "--provider piora: `lease`: 15h is not shorter");
}

#[test]
fn bad_providers() {
    bad("--provider githob=env:SECRET", "`countersign providers` lists them; is it ");
    bad("--provider Piora=env:SECRET", "is it piora");
    bad("--provider gihub=env:SECRET", "is it github");
    bad("--provider nobody=env:SECRET", "unknown provider `nobody`");
    bad("--provider square=env:SECRET", "--public-url https://");
    bad("--provider square=env:SECRET --public-url hooks.example.test", "`public_url`");
    bad("--provider piora=env:SECRET --provider piora=env:OLDER", "given twice");
    bad("--provider piora", "NAME=SOURCE");
    bad("--provider piora=", "NAME=SOURCE");
    bad("--provider piora=env:", "NAME=SOURCE");
    bad("--provider piora=env:SECRET,", "NAME=SOURCE");
    // Not repeated, for this is what a secret by mistake looks like.
    bad(&format!("--provider piora={SECRET}"), "never the secret itself");
    bad(&format!("--provider {SECRET}"), "never the secret itself");
    bad(&format!("--provider {SECRET}=="), "never the secret itself");
}

#[test]
fn bad_secrets() {
    bad("--provider piora=env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set");
    bad("--provider piora=env:SECRET,env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set");
    bad("--provider piora=file:/not/there", "/not/there: No such file");
    bad("--provider piora=file:/", "Is a directory");
    bad("--provider piora=file:/dev/null", "(file /dev/null)");
    let piora = ["--provider", "piora=env:EMPTY"];
    refused(&piora, &[("EMPTY", "")], "(environment variable EMPTY)");
}

#[test]
fn bad_addresses() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    bad(&format!("--provider piora=env:SECRET --addr {addr}"), "in use");
    bad("--provider piora=env:SECRET --addr nowhere", "cannot listen on nowhere");
    bad("--provider piora=env:SECRET --addr 127.0.0.1:99999", "cannot listen on 127.0.0.1:99999");
}

#[test]
fn bad_urls() {
    for url in [
        "nonsense",
        "/hooks",
        "127.0.0.1:3000",
        "ftp://127.0.0.1/",
        "http://",
        "http://:80/",
        "http://h:99999/",
        "http://h:0/",
        "http://a b/",
    ] {
        let args = ["--provider", "piora=env:SECRET", "--forward-to", url];
        refused(&args, &[], "--forward-to takes a URL such as http://127.0.0.1:3000/webhooks");
    }
    bad(&format!("{GOOD} --forward-to http://user:{SECRET}@h/"), "user and password");
    if !cfg!(feature = "https") {
        bad(&format!("{GOOD} --forward-to https://h/"), "--features https");
    }
}

#[test]
fn a_bad_log_filter() {
    refused(&GOOD.split(' ').collect::<Vec<_>>(), &[("RUST_LOG", "a=b=c")], "RUST_LOG");
}

#[test]
fn help_and_version() {
    let version = command(&["--version"]).output().unwrap();
    assert!(version.status.success());
    let expected = format!("countersign {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);

    let help = command(&["listen", "--help"]).output().unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for word in ["env:", "file:", "Examples:", "outcome", "--forward-to", "1024 connections"] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
}

#[test]
fn bad_verify_tokens() {
    const META: &str = "--provider meta=env:SECRET --verify-token";
    bad(&format!("{META} meta"), "NAME=SOURCE");
    bad(&format!("{META} meta=env:"), "NAME=SOURCE");
    bad(&format!("{META} meta=env:OLDER,env:SECRET"), "--verify-token meta: that is not the name");
    bad(&format!("{META} meta=file:/nowhere/token"), "No such file");
    bad(&format!("{META} meta=env:NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE is not set");
    bad(&format!("{META} meta=env:OLDER --verify-token meta=env:OLDER"), "given twice");
    bad(&format!("{META} piora=env:OLDER"), "there is no --provider piora");
    bad(&format!("{META} nobody=env:OLDER"), "unknown provider `nobody`");
    bad(&format!("{META} meta=env:SECRET"), "`verify_token` is secret 1");
    bad("--provider piora=env:SECRET --verify-token piora=env:OLDER", "piora has no handshake");
    // Not repeated, for this is what a token by mistake looks like.
    bad(&format!("{META} meta={SECRET}"), "never the token itself");
}
