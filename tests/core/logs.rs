//! What an operator reads in the log: which header, which field, which secret.

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::providers::{hostwares, pakyas, pingara, piora};
use countersign::testing::Signer;
use countersign::{
    Endpoint, MemoryStore, Provider, Receiver, RequestHead, Secret, Signature, Token,
};

use crate::support::{
    NOW, NOW_TEXT, Pairs, SECRET, build, clock_at, moment, seconds, secret, sign, standard, with,
    without,
};

/// What is traced, as text.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Runs the work, and tells what was traced on this thread at any level.
    pub(crate) async fn of(work: impl Future<Output = ()>) -> String {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = countersign_tests::log_to(subscriber);
        work.await;
        drop(guard);
        String::from_utf8(std::mem::take(&mut log.0.lock().unwrap())).unwrap()
    }
}

/// Runs steps 1 to 4 on a receiver; tells what was traced.
async fn log_of(
    receiver: &Receiver<MemoryStore>,
    headers: &impl RequestHead,
    body: &str,
) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Log::of(async {
        if let Ok(arriving) = receiver.begin(headers) {
            drop(receiver.receive(arriving, Some(body), std::future::pending::<()>()).await);
        }
    })
    .await
}

fn receiver(endpoint: Endpoint) -> Receiver<MemoryStore> {
    Receiver::new(endpoint, MemoryStore::new())
}

fn warnings(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("WARN")).collect()
}

/// One line that has all of these in it.
#[track_caller]
fn assert_line(log: &str, said: &[&str]) {
    let found = log.lines().any(|line| said.iter().all(|said| line.contains(said)));
    assert!(found, "{said:?} in {log}");
}

fn body() -> String {
    format!(r#"{{"event":"a","id":"e","timestamp":"{NOW_TEXT}"}}"#)
}

fn forged(provider: &Provider) -> Pairs {
    Signer::new(provider, &secret("a guess")).at(moment(NOW)).sign(body())
}

#[tokio::test]
async fn a_wrong_secret_is_warned_of_once_a_minute() {
    for provider in [piora::provider(), pingara::provider(), standard()] {
        let clock = clock_at(NOW);
        let made = |name: &str| {
            let endpoint = Endpoint::builder(name, provider.clone()).clock(clock.clone());
            receiver(endpoint.secret(secret(SECRET)).build().unwrap())
        };
        let (orders, refunds) = (made("orders"), made("refunds"));
        let (genuine, forged) = (sign(&provider, body()), forged(&provider));
        let log = log_of(&orders, &genuine, &body()).await;
        assert_eq!(warnings(&log), [""; 0]);
        let log = log_of(&orders, &forged, &body()).await;
        assert_eq!(warnings(&log).len(), 1, "{log}");
        assert_line(&log, &["WARN", "orders", provider.name(), "mismatches=1", "another secret"]);
        // Strangers cannot fill the log.
        for _ in 0..999 {
            let log = log_of(&orders, &forged, &body()).await;
            assert_eq!(warnings(&log), [""; 0]);
        }
        let log = log_of(&refunds, &forged, &body()).await;
        assert_line(&log, &["WARN", "refunds", "mismatches=1"]);
        // Whatever somebody does to the time of day.
        clock.set(moment(NOW + 100));
        clock.advance(seconds(59));
        clock.set(moment(NOW));
        assert_eq!(warnings(&log_of(&orders, &forged, &body()).await), [""; 0]);
        clock.advance(seconds(1));
        let log = log_of(&orders, &forged, &body()).await;
        assert_eq!(warnings(&log).len(), 1, "{log}");
        assert_line(&log, &["WARN", "orders", "mismatches=1001"]);
        // A head without a signature is nobody's wrong secret.
        clock.advance(seconds(60));
        assert_eq!(warnings(&log_of(&orders, &Pairs::new(), &body()).await), [""; 0]);
    }
}

#[tokio::test]
async fn the_warning_says_what_is_odd_about_a_secret() {
    let base64 = || {
        let signature = Signature::header("X-Signature").base64_secret("whsec_");
        Provider::builder("keyed").hmac_sha256(signature).build().unwrap()
    };
    let token =
        || Provider::builder("token").shared_token(Token::header("X-Token")).build().unwrap();
    let manifest = "aW52ZW50ZWQtbGluZGVuaG9mLW92ZW4taG9vaw==";
    let hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let random = "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=";
    let whsec = "whsec_bGluZGVuaG9mOiBtYWRlIHVwLCBub3QgYSBzZWNyZXQgMDI=";
    for (provider, text, said) in [
        (piora::provider(), "lindenhof-token\n", Some("ends in white space")),
        (piora::provider(), "lindenhof-token ", Some("ends in white space")),
        (piora::provider(), "\tlindenhof-token", Some("begins with white space")),
        (piora::provider(), "\"lindenhof-token\"", Some("is in quotes")),
        (piora::provider(), "'lindenhof-token'", Some("is in quotes")),
        (piora::provider(), "$LINDENHOF", Some("begins with `$`")),
        (piora::provider(), manifest, Some("Kubernetes")),
        (token(), manifest, Some("Kubernetes")),
        (token(), "\"lindenhof-token\"", Some("is in quotes")),
        (base64(), hex, Some("is in hex")),
        (standard(), whsec, Some("`base64_secret`")),
        // These are what they should be.
        (piora::provider(), "lindenhof-token", None),
        (piora::provider(), "linden'hof \"token\" $1", None),
        (piora::provider(), hex, None),
        (piora::provider(), random, None),
        (piora::provider(), whsec, None),
        (base64(), whsec, None),
        (base64(), manifest, None),
        (base64(), random, None),
    ] {
        let sound = secret("whsec_c29tZXRoaW5nIHNvdW5k");
        let odd = Secret::new(text).unwrap();
        let endpoint = build(&provider, |_| {
            let endpoint = Endpoint::builder("orders", provider.clone()).clock(clock_at(NOW));
            endpoint.secret(sound).secret(odd)
        });
        let guess = secret("whsec_YSBndWVzcyBvZiBzb21lYm9keQ==");
        let headers = Signer::new(&provider, &guess).at(moment(NOW)).sign(body());
        let log = log_of(&receiver(endpoint), &headers, &body()).await;
        match said {
            Some(said) => assert_line(&log, &["WARN", "secret 2 ", said]),
            None => assert!(!log.contains("secret 2"), "{text}: {log}"),
        }
        // It shows nothing of the secret.
        for part in ["lindenhof", "LINDENHOF", "aW52", "0011", "K7gN", "bGlu"] {
            assert!(!log.contains(part), "{part} in {log}");
        }
    }
}

#[tokio::test]
async fn the_log_of_a_refused_body_names_the_field() {
    let time = format!(r#""timestamp":"{NOW_TEXT}""#);
    let nested = || {
        let provider = Provider::builder("nested").hmac_sha256(Signature::header("X-Signature"));
        provider.event_type("meta.event_name").build().unwrap()
    };
    let forms = || {
        let provider = Provider::builder("forms").hmac_sha256(Signature::header("X-Signature"));
        provider.form().form_field("json").event_type("type").build().unwrap()
    };
    for (provider, sent, said) in [
        (piora::provider(), format!("{{{time}}}"), ["field=\"event\"", "is missing"]),
        (
            piora::provider(),
            format!("{{{time},\"event\":null}}"),
            ["field=\"event\"", "is missing"],
        ),
        (piora::provider(), format!("{{{time},\"event\":\"\"}}"), ["field=\"event\"", "is empty"]),
        (piora::provider(), format!("{{{time},\"event\":7}}"), ["field=\"event\"", "not a text"]),
        (nested(), "{\"meta\":{}}".into(), ["field=\"meta.event_name\"", "is missing"]),
        (
            hostwares::provider(),
            "{\"event\":\"a\"}".into(),
            ["field=\"timestamp\"", "the time is missing"],
        ),
        (
            pakyas::provider(),
            "{\"event\":\"a\",\"alert\":{\"triggered_at\":\"soon-47114711\"}}".into(),
            ["field=\"alert.triggered_at\"", "not of its format"],
        ),
        (forms(), "type=47114711&type=47114711".into(), ["problem=", "occurs twice"]),
        (forms(), "type=47114711%ff".into(), ["problem=", "not UTF-8"]),
        (forms(), "a=47114711".into(), ["field=\"type\"", "is missing"]),
        (forms(), "json=47114711".into(), ["problem=", "the form field `json` holds no JSON"]),
        (forms(), "json=47114711&json=1".into(), ["problem=", "`json` is there twice"]),
        (forms(), "json=%7B47114711".into(), ["problem=", "name and its value"]),
        (piora::provider(), "[47114711]".into(), ["problem=", "not a JSON object"]),
        (piora::provider(), "a=47114711".into(), ["problem=", "call `form`, `form_field`"]),
        (piora::provider(), "{\"x\":47114711".into(), ["problem=", "does not end"]),
        (
            piora::provider(),
            format!("{{{time},\"event\":\"47114711\",\"event\":\"47114711\"}}"),
            ["problem=", "occurs twice"],
        ),
        (
            piora::provider(),
            format!("{{{time},\"event\":\"47114711\\ud83d\"}}"),
            ["problem=", "not Unicode"],
        ),
    ] {
        let endpoint = build(&provider, |endpoint| endpoint);
        let log = log_of(&receiver(endpoint), &sign(&provider, &sent), &sent).await;
        assert_line(&log, &["WARN", provider.name(), said[0], said[1]]);
        assert!(!log.contains("47114711"), "{log}");
        assert_line(&log, &["WARN", "refused", "reason"]);
    }
}

#[tokio::test]
async fn the_log_names_the_header_that_is_missing() {
    let (standard, pingara) = (standard(), pingara::provider());
    let hostwares = hostwares::provider();
    for (provider, header, reason) in [
        (&hostwares, "X-Hostwares-Timestamp", "timestamp_missing"),
        (&hostwares, "X-Hostwares-Signature", "signature_missing"),
        (&standard, "webhook-timestamp", "timestamp_missing"),
        (&standard, "webhook-id", "id_invalid"),
        (&standard, "webhook-signature", "signature_missing"),
        (&pingara, "X-Pingara-Secret", "token_missing"),
    ] {
        let receiver = receiver(build(provider, |endpoint| endpoint));
        let headers = without(sign(provider, body()), header);
        let log = log_of(&receiver, &headers, &body()).await;
        let named = format!("header=\"{}\"", header.to_lowercase());
        assert_line(&log, &["DEBUG", &named, reason]);
        // A stranger can leave it out as well.
        assert!(!log.contains("WARN") && !log.contains("INFO"), "{log}");
    }
    let receiver = receiver(build(&hostwares, |endpoint| endpoint));
    let headers = with(sign(&hostwares, body()), "X-Hostwares-Timestamp", "soon");
    let log = log_of(&receiver, &headers, &body()).await;
    assert_line(&log, &["header=\"x-hostwares-timestamp\"", "timestamp_malformed"]);
}
