//! Secrets are shown to nobody (P8): not in `Debug`, `Display`, errors, answers or traces.

use std::fmt::Debug;

use bytes::Bytes;
use countersign::providers::{percher, pingara, piora};
use countersign::testing::Signer;
use countersign::{
    Answer, Endpoint, ErrorChain, EventError, FromDelivery, MemoryStore, Provider, Receiver, Reply,
    Secret, SecretError, Signature,
};

use crate::logs::Log;
use crate::support::{
    NOW, NOW_TEXT, SECRET, build, clock_at, deliver, deliver_signed, endpoint, from_base64,
    from_hex, hex, moment, secret, sign, standard, value,
};

/// [`SECRET`] in the ways in which it could leak.
const LEAKS: [&str; 5] = [
    SECRET,
    "636f72726563743a686f7273652d626174746572792d737461706c65",
    "Y29ycmVjdDpob3JzZS1iYXR0ZXJ5LXN0YXBsZQ",
    // As a list of bytes.
    "99, 111, 114, 114, 101, 99, 116",
    // Its SHA-256, by which tokens are compared.
    "d2cc21acd55264df38113305bc0ae1f30bbe5209dd866067820d472775d035a1",
];

#[track_caller]
fn assert_silent(said: &str, more: &[&str]) {
    // A list may be in one line or in many.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for leak in LEAKS.iter().chain(more) {
        assert!(!said.contains(&leak.to_lowercase()), "{leak} in {said}");
    }
}

/// The same for a value's `Debug`, in both of its forms.
#[track_caller]
fn assert_debug_silent(value: &impl Debug, more: &[&str]) {
    assert_silent(&format!("{value:?}\n{value:#?}"), more);
}

/// A body for every provider here.
fn body() -> String {
    format!(r#"{{"event":"a","timestamp":"{NOW_TEXT}"}}"#)
}

/// The MAC that a forger of [`body`] would need, in the ways in which it could leak.
fn expected_mac(provider: &Provider) -> Vec<String> {
    let proof = sign(provider, body()).pop().unwrap().1;
    let encoded = proof.rsplit(['=', ' ']).find(|part| !part.is_empty()).unwrap().to_owned();
    if encoded.len() != 64 {
        return vec![proof];
    }
    let bytes = from_hex(&encoded);
    let list: Vec<String> = bytes[..6].iter().map(u8::to_string).collect();
    vec![encoded, list.join(", ")]
}

#[test]
fn the_leaks_looked_for_are_the_secrets() {
    assert_eq!(hex(SECRET.as_bytes()), LEAKS[1]);
    assert_eq!(from_base64(LEAKS[2]), SECRET.as_bytes());
    assert!(format!("{:?}", SECRET.as_bytes()).contains(LEAKS[3]));
    let percher = expected_mac(&percher::provider());
    assert!(
        value(&sign(&percher::provider(), body()), "x-percher-signature").contains(&percher[0])
    );
    assert_eq!(percher.len(), 2);
    for leaky in [format!("{:?}", SECRET.as_bytes()), format!("{:#?}", SECRET.as_bytes())] {
        assert!(std::panic::catch_unwind(|| assert_silent(&leaky, &[])).is_err());
    }
}

#[test]
fn debug_tells_no_secret() {
    let key = secret(SECRET).labeled("2026-11");
    assert_debug_silent(&key, &[]);
    assert_eq!(format!("{key:?}"), r#"Secret { label: Some("2026-11"), .. }"#);
    for provider in [
        piora::provider(),
        percher::provider(),
        pingara::provider(),
        pingara::bearer(),
        pingara::basic(),
        standard(),
    ] {
        let mac = expected_mac(&provider);
        let mac: Vec<&str> = mac.iter().map(String::as_str).collect();
        let builder = Endpoint::builder("orders", provider.clone())
            .secrets([secret("newer:secret"), key.clone()])
            .clock(clock_at(NOW));
        assert_debug_silent(&builder, &mac);
        let endpoint = builder.build().unwrap();
        assert_debug_silent(&endpoint, &mac);
        assert_debug_silent(&provider, &mac);
        assert_debug_silent(&Signer::new(&provider, &key).at(moment(NOW)), &mac);
        assert_debug_silent(&Receiver::builder(endpoint.clone(), MemoryStore::new()), &mac);
        let receiver = Receiver::new(endpoint.clone(), MemoryStore::new());
        assert_debug_silent(&receiver, &mac);

        let headers = sign(&provider, body());
        assert_debug_silent(&receiver.begin(&headers).unwrap(), &mac);
        let mut incoming = endpoint.begin(&headers).unwrap();
        assert_debug_silent(&incoming, &mac);
        incoming.push(Bytes::from(body())).unwrap();
        assert_debug_silent(&incoming, &mac);
        let proven = incoming.prove().unwrap();
        assert_debug_silent(&proven, &mac);
        let delivery = proven.open().unwrap();
        assert_eq!(delivery.secret_label(), Some("2026-11"));
        assert_debug_silent(&delivery, &mac);
        assert!(!format!("{delivery:?}").contains(NOW_TEXT), "a body is nobody's business");
    }
}

#[test]
fn refusals_tell_no_secret_and_no_mac() {
    for provider in [piora::provider(), percher::provider(), standard()] {
        let mac = expected_mac(&provider);
        let mac: Vec<&str> = mac.iter().map(String::as_str).collect();
        // Signed by somebody else over the body whose MAC is looked for.
        let headers = Signer::new(&provider, &secret("a:guess")).at(moment(NOW)).sign(body());
        let endpoint = endpoint(&provider);
        let mut incoming = endpoint.begin(&headers).unwrap();
        incoming.push(Bytes::from(body())).unwrap();
        assert_debug_silent(&incoming, &mac);
        let rejection = incoming.prove().unwrap_err();
        assert_debug_silent(&rejection, &mac);
        assert_silent(&rejection.to_string(), &mac);
        assert_silent(rejection.body(), &mac);
    }
    for provider in [pingara::provider(), pingara::bearer(), pingara::basic()] {
        let headers = Signer::new(&provider, &secret("a:guess")).sign(body());
        let rejection = deliver(&endpoint(&provider), &headers, body()).unwrap_err();
        assert_debug_silent(&rejection, &["a:guess"]);
        assert_silent(&rejection.to_string(), &["a:guess"]);
        assert_silent(rejection.body(), &["a:guess"]);
    }
}

#[test]
fn errors_tell_no_secret() {
    let keyed = Signature::header("X-Signature").base64_secret("");
    let provider = Provider::builder("acme").hmac_sha256(keyed).build().unwrap();
    let error = Endpoint::builder("orders", provider).secret(secret(SECRET)).build().unwrap_err();
    assert_silent(&format!("{error} {error:?}"), &["correct"]);

    let delivery = deliver_signed(&endpoint(&piora::provider()), body()).unwrap();
    let error: EventError = percher::Event::from_delivery(&delivery).unwrap_err();
    assert_silent(&format!("{error} {error:?}"), &[]);
    let error = <Vec<u8>>::from_delivery(&delivery).unwrap_err();
    assert_silent(&format!("{error} {error:?}"), &[]);
}

#[test]
fn a_secret_is_never_empty() {
    // Zeros pad a MAC key: a key of zeros is the empty key.
    let blank = [" ", "\n\n", "\0\0"].map(Secret::new);
    for empty in [Secret::new(""), Secret::new(Vec::new())].into_iter().chain(blank) {
        let error = empty.unwrap_err();
        assert!(matches!(error, SecretError::Empty { .. }));
        assert!(error.to_string().contains("empty"), "{error}");
    }
}

#[test]
fn a_secret_from_a_file_is_the_file_less_one_line_end() {
    let path = std::env::temp_dir().join(format!("countersign-core-{}", std::process::id()));
    let endpoint = endpoint(&piora::provider());
    for (written, good) in [
        (SECRET.to_owned(), true),
        (format!("{SECRET}\n"), true),
        (format!("{SECRET}\r\n"), true),
        (format!("{SECRET}\n\n"), false),
        (format!(" {SECRET}"), false),
    ] {
        std::fs::write(&path, &written).unwrap();
        let read = Secret::from_file(&path).unwrap();
        let headers = Signer::new(&piora::provider(), &read).sign(body());
        assert_eq!(deliver(&endpoint, &headers, body()).is_ok(), good, "{written:?}");
    }
    for empty in ["", "\n", "\r\n"] {
        std::fs::write(&path, empty).unwrap();
        let error = Secret::from_file(&path).unwrap_err();
        assert!(matches!(error, SecretError::Empty { .. }));
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = Secret::from_file(&path).unwrap_err();
    assert!(matches!(error, SecretError::File { .. }));
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

/// The path of a log by mistake, for example. What is read must not grow with it.
#[test]
fn a_file_that_is_too_large_for_a_secret_is_refused() {
    let path = std::env::temp_dir().join(format!("countersign-large-{}", std::process::id()));
    std::fs::write(&path, "x".repeat(64 * 1024)).unwrap();
    assert!(Secret::from_file(&path).is_ok());
    // Sparse: it has no room on most disks, and in no memory.
    std::fs::File::create(&path).unwrap().set_len(1 << 42).unwrap();
    let error = Secret::from_file(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(error, SecretError::File { .. }));
    assert!(ErrorChain::of(&error).to_string().contains("larger than 64 KiB"), "{error:?}");
    #[cfg(unix)]
    assert!(Secret::from_file("/dev/zero").is_err());
}

/// Runs itself once more with variables of its own, since a test must not change its process's.
#[cfg(unix)]
#[test]
fn secrets_from_the_environment() {
    use std::os::unix::ffi::OsStrExt;
    const CHILD: &str = "COUNTERSIGN_CORE_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let name = "secrets::secrets_from_the_environment";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env("COUNTERSIGN_CORE_GOOD", SECRET)
            .env("COUNTERSIGN_CORE_LINE", format!("{SECRET}\n"))
            .env("COUNTERSIGN_CORE_WINDOWS", format!("{SECRET}\r\n"))
            .env("COUNTERSIGN_CORE_LINES", format!("{SECRET}\n\n"))
            .env("COUNTERSIGN_CORE_EMPTY", "")
            .env("COUNTERSIGN_CORE_BINARY", std::ffi::OsStr::from_bytes(b"correct\xffhorse"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    // Less one line end, as from a file.
    for (variable, is_good) in [("GOOD", true), ("LINE", true), ("WINDOWS", true), ("LINES", false)]
    {
        let read = Secret::from_env(&format!("COUNTERSIGN_CORE_{variable}")).unwrap();
        let headers = Signer::new(&piora::provider(), &read).sign(body());
        let delivered = deliver(&endpoint(&piora::provider()), &headers, body());
        assert_eq!(delivered.is_ok(), is_good, "{variable}");
    }
    for (variable, said) in [("EMPTY", "is empty"), ("BINARY", "Unicode"), ("UNSET", "not set")] {
        let variable = format!("COUNTERSIGN_CORE_{variable}");
        let error = Secret::from_env(&variable).unwrap_err();
        match said {
            "is empty" => assert!(matches!(error, SecretError::Empty { .. })),
            "Unicode" => assert!(matches!(error, SecretError::NotUnicode { .. })),
            _ => assert!(matches!(error, SecretError::Unset { .. })),
        }
        let message = error.to_string();
        assert!(message.contains(&variable) && message.contains(said), "{message}");
        assert_silent(&format!("{message} {error:?}"), &["correct", "horse"]);
    }
}

#[tokio::test]
async fn traces_tell_no_secret_and_strangers_are_not_loud() {
    for provider in [piora::provider(), percher::provider(), pingara::bearer()] {
        let mac = expected_mac(&provider);
        let mac: Vec<&str> = mac.iter().map(String::as_str).collect();
        let endpoint = build(&provider, |endpoint| endpoint.secret(secret("older").labeled("old")));
        let receiver = Receiver::new(endpoint, MemoryStore::new());
        let deliver = async |key: &str| {
            let headers = Signer::new(&provider, &secret(key)).at(moment(NOW)).sign(body());
            let arriving = receiver.begin(&headers)?;
            let delivery = receiver
                .receive(arriving, Some(Bytes::from(body())), std::future::pending::<()>())
                .await?;
            let handler = |_| async { Answer::new(200, ()) };
            receiver.clone().handle(delivery, handler).await.map_err(Reply::from)
        };
        let genuine = Log::of(async { deliver("older").await.unwrap() }).await;
        assert!(genuine.contains("INFO") && genuine.contains("webhook handled"), "{genuine}");
        assert!(genuine.contains("old") && genuine.contains("endpoint"), "{genuine}");
        assert_silent(&genuine, &mac);
        let forged = Log::of(async { assert!(deliver("a:guess").await.is_err()) }).await;
        assert!(forged.contains("DEBUG") && forged.contains("mismatch"), "{forged}");
        // They can cause one warning a minute, that secrets do not match.
        let again = Log::of(async { assert!(deliver("a:guess").await.is_err()) }).await;
        assert!(again.contains("DEBUG") && again.contains("mismatch"), "{again}");
        for loud in ["INFO", "WARN", "ERROR"] {
            assert!(!again.contains(loud), "{again}");
        }
        assert_silent(&forged, &mac);
        assert_silent(&forged, &["a:guess"]);
    }
}
