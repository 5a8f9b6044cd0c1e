//! `countersign verify`: captured requests in the forms that people have, exit codes, and what is shown.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use countersign::Secret;
use countersign::catalogue;
use countersign::signing::Signer;
use serde_json::{Value, json};

const SECRET: &str = "made up for these tests";
const BODY: &str = "{\"zen\":\"Keep it logically awesome.\",\"hook_id\":1}";

/// A folder of a test's own.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn verify(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    program
        .arg("verify")
        .args(arguments)
        .env("SECRET", SECRET)
        .env("SPACED", format!(" {SECRET}\n\n"));
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    // It may have read enough.
    let _ = program.stdin.take().unwrap().write_all(stdin);
    program.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn signature() -> String {
    let github = catalogue::provider("github").unwrap();
    let headers = Signer::new(&github, &Secret::new(SECRET).unwrap()).try_sign(BODY).unwrap();
    headers.into_iter().find(|(name, _)| name == "x-hub-signature-256").unwrap().1
}

fn http(body: &str) -> String {
    format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: example.test\r\nX-Hub-Signature-256: {}\r\n\r\n{body}",
        signature()
    )
}

#[test]
fn every_form_of_a_request_is_read() {
    let folder = Folder::new("verify-forms");
    let signature = signature();
    let curl = format!(
        "curl -X POST https://example.test/hooks -H 'X-Hub-Signature-256: {signature}' --data-raw '{BODY}'"
    );
    let har = json!({"log": {"entries": [{"startedDateTime": "2026-11-02T08:15:04Z", "request": {
        "method": "POST", "url": "https://example.test/hooks",
        "headers": [{"name": "X-Hub-Signature-256", "value": signature}],
        "postData": {"text": BODY}}}]}});
    for request in [http(BODY), http(BODY).replace("\r\n", "\n"), curl, har.to_string()] {
        let file = folder.file("request", &request);
        let from_file = verify(&["github", "--secret", "env:SECRET", "--request", &file], b"");
        assert_eq!(from_file.status.code(), Some(0), "{request} {from_file:?}");
        let from_stdin =
            verify(&["github", "--secret", "env:SECRET", "--request", "-"], request.as_bytes());
        assert_eq!(from_stdin.status.code(), Some(0), "{request} {from_stdin:?}");
        assert!(text(&from_stdin.stdout).starts_with("Genuine: a delivery of GitHub."));
    }
    let headers = folder.file("headers", format!("x-hub-signature-256: {signature}\n"));
    let body = folder.file("body", BODY);
    let two = ["github", "--secret", "env:SECRET", "--headers", &headers, "--body", &body];
    assert_eq!(verify(&two, b"").status.code(), Some(0));
}

#[test]
fn a_program_gets_one_object_and_a_person_the_cause_and_the_remedy() {
    let request = http(&BODY.replace(',', ", "));
    let arguments = ["github", "--secret", "env:SPACED", "--request", "-"];
    let answer = verify(&[&arguments[..], &["--json"]].concat(), request.as_bytes());
    assert_eq!(answer.status.code(), Some(1));
    let object: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(object["genuine"], false);
    let causes = object["causes"].as_array().unwrap();
    assert_eq!(causes[0]["cause"], "secret_whitespace");
    assert_eq!(causes[1]["cause"], "body_whitespace");
    assert!(causes.iter().all(|cause| cause["says"].as_str().unwrap().ends_with('.')));

    let answer = verify(&arguments, request.as_bytes());
    let shown = text(&answer.stdout);
    for part in [
        "Not a genuine delivery of GitHub.",
        "hmac_sha256 in x-hub-signature-256",
        "The configured secret has white space around it",
        "What to do: ",
        "The body differs from the signed one from byte ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let lines: Vec<_> = shown.lines().collect();
    let received = lines.iter().position(|line| line.starts_with("  received")).unwrap();
    let mark = lines[received + 2].find('^').unwrap();
    assert_eq!(&lines[received][mark..=mark], " ", "{shown}");
    assert_eq!(&lines[received + 1][mark..=mark], "\"", "{shown}");
    assert!(!shown.contains(SECRET) && answer.stderr.is_empty(), "{shown}");
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_in_one_line() {
    let folder = Folder::new("verify-wrong");
    let request = folder.file("request", http(BODY));
    let cases: [(&[&str], &str); 9] = [
        (&["githup", "--secret", "env:SECRET", "--request", &request], "is it github"),
        (&["github", "--secret", SECRET, "--request", &request], "never the secret itself"),
        (&["github", "--secret", "env:UNSET_HERE", "--request", &request], "UNSET_HERE is not set"),
        (&["github", "--secret", "env:SECRET", "--request", "/no/such"], "cannot read /no/such"),
        (&["github", "--secret", "env:SECRET"], "--request"),
        (&["github", "--request", &request], "--secret"),
        (
            &["github", "--secret", "env:SECRET", "--request", &request, "--at", "noon"],
            "--at takes",
        ),
        (&["github", "--secret", "env:SECRET", "--request", &request, "--url", "x"], "--url takes"),
        (&["github", "--secret", "env:SECRET", "--headers", &request], "--body"),
    ];
    for (arguments, part) in cases {
        let answer = verify(arguments, b"");
        let said = text(&answer.stderr);
        assert_eq!(answer.status.code(), Some(2), "{arguments:?} {said}");
        assert!(said.contains(part) && said.trim_end().lines().count() == 1, "{part}: {said}");
        assert!(!said.contains(SECRET) && answer.stdout.is_empty(), "{said}");
    }
    let answer = verify(&["github", "--secret", "env:SECRET", "--request", "-"], b"not a request");
    assert_eq!(answer.status.code(), Some(2));
    assert!(text(&answer.stderr).contains("request line"));
}

/// The URL of the command line counts, and that of the capture where there is none.
#[test]
fn a_url_that_is_signed_is_given_or_taken_from_the_capture() {
    let square = catalogue::provider("square").unwrap();
    let signer = Secret::new(SECRET).unwrap();
    let signer = Signer::new(&square, &signer).url("https://example.test", "/pay");
    let headers = signer.try_sign(BODY).unwrap();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("POST /pay HTTP/1.1\r\nHost: example.test\r\n{lines}\r\n{BODY}");
    let code = |more: &[&str]| {
        let given = ["square", "--secret", "env:SECRET", "--request", "-", "--json"];
        let answer = verify(&[&given[..], more].concat(), request.as_bytes());
        (answer.status.code().unwrap(), text(&answer.stdout))
    };
    assert_eq!(code(&[]).0, 0);
    let without = request.replace("Host: example.test\r\n", "");
    let answer =
        verify(&["square", "--secret", "env:SECRET", "--request", "-"], without.as_bytes());
    assert_eq!(answer.status.code(), Some(2));
    assert!(text(&answer.stderr).contains("give the one that your receiver"), "{answer:?}");
    let (status, said) = code(&["--url", "http://example.test:8080/pay"]);
    assert_eq!(status, 1);
    assert!(said.contains("url_scheme") && said.contains("url_port"), "{said}");
}

#[test]
fn a_head_made_to_cost_much_costs_little() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let candidate = format!("v1={}", "ab".repeat(32));
    let stripe = format!("t={now},{}", vec![&*candidate; 900].join(","));
    let github = ",".repeat(10_000);
    let some = format!("t={now},{}", vec![&*candidate; 25].join(","));
    for (provider, header, value) in [
        ("stripe", "stripe-signature", &stripe),
        ("stripe", "stripe-signature", &some),
        ("github", "x-hub-signature-256", &github),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\n{header}: {value}\r\ncontent-length: 2\r\n\r\n{{}}");
        let folder = Folder::new(&format!("costly-{provider}-{}", value.len()));
        let file = folder.file("request", &request);
        // In kilobytes, of addresses: threads alone take some.
        let limited = format!(
            "ulimit -v 600000; exec {} verify {provider} --secret env:SECRET --json --request {file}",
            env!("CARGO_BIN_EXE_countersign")
        );
        let output =
            Command::new("sh").args(["-c", &limited]).env("SECRET", SECRET).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{provider}: {said}");
        assert!(text(&output.stdout).contains("secret_wrong"), "{}", text(&output.stdout));
    }
}
