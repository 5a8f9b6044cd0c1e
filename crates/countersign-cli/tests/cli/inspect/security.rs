//! Who gets in, and who does not.

use std::net::TcpStream;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Inspector, OWN, inspected};
use crate::program::{PATIENCE, Program, command, end};
use crate::sender::{connect, piora};

const PIORA: [&str; 2] = ["--provider", "piora=env:SECRET"];
const JSON: (&str, &str) = ("content-type", "application/json");
const TOKEN: &str = "a token of the test that nobody guesses";

#[test]
fn only_its_own_address_is_answered() {
    let (_program, inspector) = inspected(&PIORA);
    let port = inspector.addr.port();
    for host in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        let host = format!("{host}:{port}");
        assert_eq!(inspector.ask("GET", "/api/info", &[("host", &host)], "").status, 200, "{host}");
    }
    let others = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("192.168.0.1:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port ^ 1),
        format!("localhost:{port}@evil.example"),
        "(none)".to_owned(),
    ];
    for host in others {
        for path in ["/", "/api/deliveries", "/events", "/app.js"] {
            let answer = inspector.ask("GET", path, &[("host", &host)], "");
            assert_eq!(answer.status, 421, "{host} {path}");
            assert!(answer.json()["error"].as_str().unwrap().ends_with('.'), "{}", answer.text());
        }
    }
    // Twice, or in the request line.
    let own = inspector.addr.to_string();
    let twice = [("host", &*own), ("host", "evil.example")];
    assert_ne!(inspector.ask("GET", "/api/info", &twice, "").status, 200);
    let line = format!("http://evil.example:{port}/api/info");
    assert_eq!(inspector.ask("GET", &line, &[], "").status, 421);
}

#[test]
fn what_changes_something_is_asked_by_the_own_page() {
    let (program, inspector) = inspected(&PIORA);
    assert_eq!(piora("kept").send(&program).status, 200);
    let own_origin = format!("http://{}", inspector.addr);
    let other_port = format!("http://127.0.0.1:{}", inspector.addr.port() ^ 1);
    let foreign: [&[(&str, &str)]; 11] = [
        &[],
        &[("x-countersign-inspector", "0")],
        &[OWN, ("origin", "https://evil.example")],
        &[OWN, ("origin", "null")],
        &[OWN, ("origin", &other_port)],
        &[OWN, ("origin", "")],
        &[OWN, ("origin", &own_origin), ("origin", "https://evil.example")],
        &[OWN, ("sec-fetch-site", "cross-site")],
        &[OWN, ("sec-fetch-site", "same-site")],
        &[OWN, ("sec-fetch-site", "none")],
        &[OWN, ("origin", &own_origin), ("sec-fetch-site", "cross-site")],
    ];
    let changes = [
        ("DELETE", "/api/deliveries", ""),
        ("POST", "/api/deliveries/1/replay", r#"{"to":"receiver"}"#),
        ("POST", "/api/reload", "{}"),
        ("POST", "/login", r#"{"token":"x"}"#),
    ];
    for headers in foreign {
        for (method, path, body) in changes {
            let answer = inspector.ask(method, path, &[&[JSON], headers].concat(), body);
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
            assert!(answer.json()["error"].is_string());
        }
    }
    // Reading is for the own page too: an answer takes time, and its length says something.
    for path in ["/api/deliveries", "/api/deliveries/1/why", "/events", "/app.js"] {
        for site in ["cross-site", "same-site"] {
            let answer = inspector.ask("GET", path, &[("sec-fetch-site", site)], "");
            assert_eq!(answer.status, 403, "{path} {site}");
        }
    }
    assert_eq!(inspector.ask("GET", "/", &[("sec-fetch-site", "cross-site")], "").status, 200);
    assert_eq!(inspector.rows().len(), 1);

    let own = [OWN, ("origin", &*own_origin), ("sec-fetch-site", "same-origin")];
    assert_eq!(inspector.ask("DELETE", "/api/deliveries", &own, "").status, 204);
    assert_eq!(inspector.rows().len(), 0);
}

#[test]
fn every_answer_keeps_other_pages_out() {
    let (_program, inspector) = inspected(&PIORA);
    let answers = [
        inspector.get("/"),
        inspector.get("/app.js"),
        inspector.get("/login"),
        inspector.get("/api/info"),
        inspector.get("/api/deliveries/1"),
        inspector.get("/nothing"),
        inspector.ask("PUT", "/api/info", &[OWN], ""),
        inspector.ask("DELETE", "/api/deliveries", &[], ""),
        inspector.ask("GET", "/", &[("host", "evil.example")], ""),
        inspector.post("/api/deliveries/1/replay", &json!(7)),
    ];
    for answer in answers {
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
             connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
        ] {
            assert!(answer.head.contains(header), "{header} in {}", answer.head);
        }
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
}

/// What the program says when it does not start.
fn refused(args: &[&str]) -> String {
    let mut command = command(&[&["listen", "--addr=127.0.0.1:0"], &PIORA[..], args].concat());
    command.env("TOKEN", TOKEN).env("SHORT", "guessed");
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let status = end(&mut child).expect("it starts");
    assert_eq!(status.code(), Some(1));
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

#[test]
fn other_machines_need_a_token() {
    for addr in ["0.0.0.0:0", "[::]:0"] {
        let said = refused(&["--inspect", addr]);
        assert!(said.contains("--inspect-token") && said.contains("other machines"), "{said}");
    }
    let said = refused(&["--inspect", "127.0.0.1:0", "--inspect-token", "env:SHORT"]);
    assert!(said.contains("16") && !said.contains("guessed\n"), "{said}");
    let said = refused(&["--inspect", "127.0.0.1:0", "--inspect-token", TOKEN]);
    assert!(said.contains("never the token itself") && !said.contains(TOKEN), "{said}");
    let said = refused(&["--inspect", "127.0.0.1:0", "--inspect-token", "env:NOT_THERE"]);
    assert!(said.contains("NOT_THERE is not set"), "{said}");
    let said = refused(&["--inspect-file", "inspect.db"]);
    assert!(said.contains("--inspect-file needs --inspect HOST:PORT"), "{said}");
    let said = refused(&["--inspect", "nonsense"]);
    assert!(said.contains("--inspect: cannot listen on nonsense"), "{said}");
}

fn with_token(addr: &str) -> (Program, Inspector) {
    let args = ["listen", "--addr=127.0.0.1:0", "--inspect", addr, "--inspect-token", "env:TOKEN"];
    let mut command = command(&[&args[..], &PIORA].concat());
    command.env("TOKEN", TOKEN);
    let program = Program::spawn(command);
    let inspector = Inspector::of(&program);
    (program, inspector)
}

#[test]
fn with_a_token_nothing_is_shown_before_it_is() {
    let (program, inspector) = with_token("0.0.0.0:0");
    assert!(program.stderr().contains("asks for the token in env:TOKEN"), "{}", program.stderr());
    assert_eq!(piora("hidden").send(&program).status, 200);
    let paths = [
        "/api/info",
        "/api/deliveries",
        "/api/deliveries/1",
        "/api/deliveries/1/why",
        "/api/deliveries/1/copy?as=curl",
        "/events",
        "/nothing",
    ];
    for path in paths {
        let answer = inspector.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(!answer.text().contains("piora"), "{}", answer.text());
        let cookie = format!("countersign_inspector_{}=guessed", inspector.addr.port());
        assert_eq!(inspector.ask("GET", path, &[("cookie", &cookie)], "").status, 401, "{path}");
    }
    assert_eq!(inspector.ask("DELETE", "/api/deliveries", &[OWN], "").status, 401);
    let start = inspector.get("/");
    assert_eq!(start.status, 303);
    assert!(start.head.contains("location: /login"), "{}", start.head);
    assert_eq!(inspector.get("/login").status, 200);
    assert_eq!(inspector.get("/login.js").status, 200);

    let wrong = inspector.post("/login", &json!({ "token": "wrong" }));
    assert_eq!(wrong.status, 401);
    assert!(!wrong.head.contains("set-cookie"));
    let wrong = inspector.ask("GET", "/api/info", &[("authorization", "Bearer wrong")], "");
    assert_eq!(wrong.status, 401);
    let bearer = format!("Bearer {TOKEN}");
    let right = inspector.ask("GET", "/api/info", &[("authorization", &bearer)], "");
    assert_eq!(right.status, 200);

    let login = inspector.post("/login", &json!({ "token": TOKEN }));
    assert_eq!(login.status, 204);
    let (_, cookie) = login.head.split_once("set-cookie: ").unwrap();
    let cookie = cookie.lines().next().unwrap();
    for word in ["httponly", "samesite=strict", "path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    assert!(!cookie.contains("token of the test"), "{cookie}");
    assert_eq!(inspector.ask("GET", "/", &[("cookie", cookie)], "").status, 200);
    let shown = inspector.ask("GET", "/api/deliveries", &[("cookie", cookie)], "");
    assert_eq!(shown.status, 200);
    assert!(!program.stderr().contains(TOKEN));

    // DNS rebinding needs a name. With a token, any IP address is accepted as Host.
    let by_address =
        [("host", &*format!("192.0.2.7:{}", inspector.addr.port())), ("cookie", cookie)];
    assert_eq!(inspector.ask("GET", "/api/info", &by_address, "").status, 200);
    let by_name = [("host", "evil.example"), ("cookie", cookie)];
    assert_eq!(inspector.ask("GET", "/api/info", &by_name, "").status, 421);
}

#[test]
fn wrong_tokens_are_tried_one_after_the_other() {
    let (_program, inspector) = with_token("127.0.0.1:0");
    let started = Instant::now();
    let guesses: Vec<_> = (0..3)
        .map(|guess| {
            spawn(move || {
                inspector.post("/login", &json!({ "token": format!("guess {guess}") })).status
            })
        })
        .collect();
    assert!(guesses.into_iter().all(|guess| guess.join().unwrap() == 401));
    assert!(started.elapsed() >= Duration::from_millis(600), "{:?}", started.elapsed());
}

#[test]
fn a_wrong_token_takes_its_time_though_its_sender_hung_up() {
    let (_program, inspector) = with_token("127.0.0.1:0");
    let body = r#"{"token":"a wrong guess"}"#;
    let head = format!(
        "POST /login HTTP/1.1\r\nhost: {}\r\nx-countersign-inspector: 1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        inspector.addr,
        body.len()
    );
    // It may be closed before the program has begun to compare: then there was no guess.
    let has_waited = (1..=50).any(|pause| {
        let guess = connect(inspector.addr, &head);
        sleep(Duration::from_millis(pause));
        drop(guess);
        let started = Instant::now();
        assert_eq!(inspector.post("/login", &json!({ "token": TOKEN })).status, 204);
        started.elapsed() > Duration::from_millis(100)
    });
    assert!(has_waited);
}

#[test]
fn what_cannot_be_understood_is_a_sentence() {
    let (program, inspector) = inspected(&PIORA);
    assert_eq!(piora("one").send(&program).status, 200);
    let replay = "/api/deliveries/1/replay";
    let form = ("content-type", "application/x-www-form-urlencoded");
    let large = format!(r#"{{"to":"receiver","body":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    for (answer, status) in [
        (inspector.ask("POST", replay, &[OWN, form], "to=receiver"), 415),
        (inspector.ask("POST", replay, &[OWN], "{}"), 415),
        (inspector.ask("POST", replay, &[OWN, JSON], "{"), 400),
        (inspector.ask("POST", replay, &[OWN, JSON], &large), 413),
        (inspector.post(replay, &json!({ "to": "elsewhere" })), 400),
        (inspector.post(replay, &json!({ "to": "receiver", "url": "http://127.0.0.1" })), 400),
        (inspector.post(replay, &json!({ "to": "receiver", "body": "", "body_base64": "" })), 400),
        (inspector.post(replay, &json!({ "to": "receiver", "body_base64": "?" })), 400),
        (inspector.post(replay, &json!({ "to": "receiver", "headers": [["a b", "c"]] })), 422),
        (
            inspector.post(replay, &json!({ "to": "receiver", "headers": [["a", "b\r\nc: d"]] })),
            422,
        ),
        (inspector.post("/api/deliveries/99/replay", &json!({ "to": "receiver" })), 404),
        (inspector.get("/api/deliveries/99"), 404),
        (inspector.get("/api/deliveries/-1"), 404),
        (inspector.get("/api/deliveries/99999999999999999999999"), 404),
        (inspector.get("/api/deliveries?limit=x"), 400),
        (inspector.get("/api/deliveries/1/copy?as=pdf"), 400),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text());
        let said = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(said.ends_with('.') && said.starts_with(|c: char| !c.is_lowercase()), "{said}");
    }
    assert_eq!(inspector.rows().len(), 1);
}

#[test]
fn who_keeps_the_inspector_busy_keeps_nobody_from_the_listener() {
    let (program, inspector) = inspected(&PIORA);
    // More than it has places, and all of them silent.
    let idle: Vec<_> = (0..100).map(|_| TcpStream::connect(inspector.addr).unwrap()).collect();
    for nth in 0..20 {
        assert_eq!(piora(&format!("busy {nth}")).send(&program).status, 200);
    }
    // The slowest ones have to leave for who asks something.
    let started = Instant::now();
    assert_eq!(inspector.rows().len(), 20);
    assert!(started.elapsed() < PATIENCE * 3);
    drop(idle);
}
