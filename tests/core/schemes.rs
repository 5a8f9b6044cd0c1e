//! What the engine can say beside one HMAC-SHA256: several proofs, public keys, parts of the request's
//! head, and claims outside of the proof.

use countersign::{
    ConfigError, Delivery, Endpoint, HeadParts, ManualClock, Part, Proof, Provider, RejectionKind,
    Secret, Signature, Timestamp, catalogue, testing::Signer,
};

use crate::support::{NOW, clock_at, deliver, secret};

fn endpoint(provider: Provider, secrets: &[&str]) -> Endpoint {
    let secrets = secrets.iter().map(|text| Secret::new(*text).unwrap());
    let clock: ManualClock = clock_at(NOW);
    Endpoint::builder("schemes", provider).secrets(secrets).clock(clock).build().unwrap()
}

fn preset(id: &str) -> Provider {
    catalogue::by_id(id).unwrap().provider()
}

type Pairs = Vec<(String, String)>;

fn with(headers: &Pairs, name: &str, value: &str) -> Pairs {
    let mut headers: Pairs =
        headers.iter().filter(|(other, _)| !other.eq_ignore_ascii_case(name)).cloned().collect();
    headers.push((name.to_owned(), value.to_owned()));
    headers
}

#[test]
fn one_of_several_proofs_is_enough() {
    let both = || {
        let proofs = [
            Proof::hmac_sha256(Signature::header("X-Sig-256")),
            Proof::hmac_sha512(Signature::header("X-Sig-512")),
        ];
        Provider::builder("acme").any_of(proofs).build().unwrap()
    };
    let one = |proof| Provider::builder("acme").any_of([proof]).build().unwrap();
    let endpoint = endpoint(both(), &["a secret"]);
    let secret = secret("a secret");
    let old = one(Proof::hmac_sha256(Signature::header("X-Sig-256")));
    let new = one(Proof::hmac_sha512(Signature::header("X-Sig-512")));
    let old = Signer::new(&old, &secret).sign("{}");
    let new = Signer::new(&new, &secret).sign("{}");
    for headers in [old.clone(), new.clone(), [old.clone(), new.clone()].concat()] {
        assert!(deliver(&endpoint, &headers, "{}").is_ok());
    }
    // One that is wrong does no harm to one that is right, and is not enough.
    let wrong = with(&new, "X-Sig-256", &"0".repeat(64));
    assert!(deliver(&endpoint, &wrong, "{}").is_ok());
    let wrong = with(&Vec::new(), "X-Sig-256", &"0".repeat(64));
    let kind = |headers: &Pairs| deliver(&endpoint, headers, "{}").unwrap_err().kind();
    assert_eq!(kind(&wrong), RejectionKind::SignatureMismatch);
    assert_eq!(kind(&with(&wrong, "X-Sig-256", "x")), RejectionKind::SignatureMalformed);
    assert_eq!(kind(&Vec::new()), RejectionKind::SignatureMissing);
}

#[test]
fn a_second_proof_never_replaces_the_first_in_silence() {
    let signature = || Signature::header("X-Sig");
    let provider = Provider::builder("acme").hmac_sha256(signature()).hmac_sha512(signature());
    let expected = ConfigError::SetTwice { first: "hmac_sha256", second: "hmac_sha512" };
    assert_eq!(provider.build().unwrap_err(), expected);
}

#[test]
fn every_secret_must_be_of_use_for_one_of_the_proofs() {
    let list = || Signature::header("webhook-signature").base64().separator(' ');
    let provider = Provider::builder("acme")
        .any_of([
            Proof::hmac_sha256(list().prefix("v1,").base64_secret("whsec_")),
            Proof::ed25519(list().prefix("v1a,").base64_secret("whpk_")),
        ])
        .build()
        .unwrap();
    // RFC 8032 §7.1, the public key of test 1.
    let public = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let build = |secrets: &[&str]| {
        let secrets = secrets.iter().map(|text| secret(text));
        Endpoint::builder("acme", provider.clone()).secrets(secrets).build()
    };
    assert!(build(&["whsec_c2VjcmV0IHNlY3JldA==", public]).is_ok());
    assert!(build(&["whsec_not base64"]).is_err());
}

#[test]
fn a_weak_public_key_does_not_build() {
    // The neutral element: with it, one signature holds for any content.
    let weak = format!("01{}", "00".repeat(31));
    let built = Endpoint::builder("discord", preset("discord")).secret(secret(&weak)).build();
    assert!(matches!(built, Err(ConfigError::UnusableSecret { .. })), "{built:?}");
}

#[test]
fn many_public_key_signatures_are_not_verified_one_by_one() {
    let list = Signature::header("X-Sig").separator(' ');
    let provider = Provider::builder("acme").ed25519(list).build().unwrap();
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let endpoint = endpoint(provider, &[public]);
    let many = vec!["0".repeat(128); 9].join(" ");
    let headers = with(&Vec::new(), "X-Sig", &many);
    let kind = deliver(&endpoint, &headers, "{}").unwrap_err().kind();
    assert_eq!(kind, RejectionKind::SignatureMalformed);
}

#[test]
fn one_of_eight_public_key_signatures_is_found_wherever_it_is() {
    let list = Signature::header("X-Sig").separator(' ');
    let provider = Provider::builder("acme").ed25519(list).build().unwrap();
    // RFC 8032 §7.1, test 1.
    let private = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let signed = Signer::new(&provider, &secret(private)).sign("{}");
    let right = signed.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-sig")).unwrap();
    let endpoint = endpoint(provider, &[public]);
    for place in 0..8 {
        let mut all = vec!["0".repeat(128); 8];
        all[place] = right.1.to_string();
        let headers = with(&Vec::new(), "X-Sig", &all.join(" "));
        assert!(deliver(&endpoint, &headers, "{}").is_ok(), "{place}");
    }
}

/// GitHub's type is only in a header that is not signed.
#[test]
fn claims_are_for_routing_and_the_type_tells_events_apart() {
    let endpoint = endpoint(preset("github"), &["a secret"]);
    let (provider, secret) = (preset("github"), secret("a secret"));
    let signed = Signer::new(&provider, &secret).sign("{}");
    let send = |event: &str, id: &str| -> Delivery {
        let headers = with(&with(&signed, "X-GitHub-Event", event), "X-GitHub-Delivery", id);
        deliver(&endpoint, &headers, "{}").unwrap()
    };
    let first = send("push", "1");
    assert_eq!(first.unverified().event_type(), Some("push"));
    assert_eq!(first.unverified().id(), Some("1"));
    assert_eq!((first.event_type(), first.id()), (None, None), "nothing of it is proven");
    // Whoever replays a delivery could write a new id each time, so it makes no new event.
    assert_eq!(first.key(), send("push", "2").key());
    // Two events may have equal bytes, so the type does.
    assert_ne!(first.key(), send("create", "1").key());
    assert_eq!(send("two words", "1").unverified().event_type(), Some("two words"));
    assert_ne!(send("two words", "1").key(), send("other words", "1").key());
    assert_eq!(send("two\twords", "1").unverified().event_type(), None);
}

#[test]
fn a_provider_that_signs_the_url_needs_the_public_one() {
    let builder = || Endpoint::builder("square", preset("square")).secret(secret("a secret"));
    let missing = builder().build().unwrap_err();
    assert_eq!(missing, ConfigError::NoPublicUrl { provider: "square".to_owned() });
    assert!(missing.to_string().contains("`public_url`"), "{missing}");
    for bad in
        ["hooks.example.test", "https://", "https:///x", "ftp://x", "https://x?y", "https://x y"]
    {
        let built = builder().public_url(bad).build();
        assert!(matches!(built, Err(ConfigError::InvalidPublicUrl { .. })), "{bad}: {built:?}");
    }
    assert!(builder().public_url("https://example.test/behind/a/proxy/").build().is_ok());
    let twice = builder().public_url("https://one.test").public_url("https://two.test").build();
    let expected = ConfigError::SetTwice { first: "public_url", second: "public_url" };
    assert_eq!(twice.unwrap_err(), expected);
}

#[test]
fn the_url_is_the_configured_one_and_the_target_as_received() {
    let (provider, secret) = (preset("square"), secret("a secret"));
    let endpoint = Endpoint::builder("square", provider.clone())
        .secret(secret.clone())
        .public_url("https://hooks.example.test")
        .build()
        .unwrap();
    let target = "/in?a=1";
    let signer = Signer::new(&provider, &secret).url("https://hooks.example.test", target);
    let headers = signer.sign(r#"{"a":1}"#);
    let send = |target: &str, body: &str| {
        // A stranger can write any host; it is not looked at.
        let headers = with(&headers, "Host", "elsewhere.test");
        let head = HeadParts { method: "POST", target, headers: &headers };
        deliver(&endpoint, &head, body).map(|_| ()).map_err(|rejection| rejection.kind())
    };
    assert_eq!(send(target, r#"{"a":1}"#), Ok(()));
    assert_eq!(send("/in?a=2", r#"{"a":1}"#), Err(RejectionKind::SignatureMismatch));
    // Between the URL and the body stands nothing: no byte may move from one to the other.
    assert_eq!(send(r#"/in?a=1{"#, r#""a":1}"#), Err(RejectionKind::SignedPartInvalid));
    assert_eq!(send("/in?a=", r#"1{"a":1}"#), Err(RejectionKind::SignatureMismatch));
}

/// Time and body stand side by side: with a digit more or less, the time is malformed.
#[test]
fn a_time_beside_the_body_has_one_length() {
    let provider = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Sig"))
        .signed_content([Part::Timestamp, Part::Body])
        .timestamp(Timestamp::header("X-Time").format(countersign::TimeFormat::UnixSeconds))
        .build()
        .unwrap();
    let endpoint = endpoint(provider.clone(), &["a secret"]);
    let secret = secret("a secret");
    let headers = Signer::new(&provider, &secret).at_text(&NOW.to_string()).sign("1{}");
    let time = |text: String| {
        let headers = with(&headers, "X-Time", &text);
        deliver(&endpoint, &headers, "{}").unwrap_err().kind()
    };
    assert_eq!(time(format!("{NOW}1")), RejectionKind::TimestampMalformed);
    assert_eq!(time(NOW.to_string()), RejectionKind::SignatureMismatch);
}

/// Slack sends events as JSON and commands as forms.
#[test]
fn a_header_does_not_make_another_event_of_a_body() {
    let (provider, secret) = (preset("slack"), secret("a secret"));
    let endpoint = endpoint(provider.clone(), &["a secret"]);
    let send = |body: &str, content_type: &str| {
        let signed = Signer::new(&provider, &secret).at_text(&NOW.to_string()).sign(body);
        deliver(&endpoint, &with(&signed, "Content-Type", content_type), body).unwrap()
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    let event = r#"{"type":"event_callback","event_id":"Ev1"}"#;
    let (sent, replayed) = (send(event, "application/json"), send(event, FORM));
    assert_eq!(sent.id(), Some("Ev1"));
    assert_eq!(sent.key(), replayed.key());
    let command = send("command=%2Fweather&text=94070", FORM);
    assert_eq!((command.event_type(), command.id()), (None, None));
}

/// What is not under the signature must not change the event: Twilio signs the sorted fields.
#[test]
fn a_form_in_another_order_is_the_same_event() {
    let (provider, secret) = (preset("twilio"), secret("a secret"));
    let endpoint = Endpoint::builder("twilio", provider.clone())
        .secret(secret.clone())
        .public_url("https://hooks.example.test")
        .build()
        .unwrap();
    let signer = Signer::new(&provider, &secret).url("https://hooks.example.test", "/");
    let headers = signer.sign("From=%2B1&Body=hi");
    let first = deliver(&endpoint, &headers, "From=%2B1&Body=hi").unwrap();
    let replayed = deliver(&endpoint, &headers, "Body=hi&From=%2B1&Body=hi").unwrap();
    assert_eq!(first.key(), replayed.key());
    let changed = deliver(&endpoint, &headers, "From=%2B1&Body=ho").unwrap_err();
    assert_eq!(changed.kind(), RejectionKind::SignatureMismatch);
    // Fields that nobody sorted would not be under the signature.
    let many = format!("From=%2B1&Body=hi{}", "&Body=hi".repeat(2_000));
    assert_eq!(
        deliver(&endpoint, &headers, &many).unwrap_err().kind(),
        RejectionKind::SignatureMismatch
    );
}

/// Everybody knows a public key: it must not do for a MAC or a token.
#[test]
fn a_public_key_is_no_secret_of_another_proof() {
    // RFC 8032 §7.1, the public key of test 1.
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let hmac = || Proof::hmac_sha256(Signature::header("X-Mac"));
    let token = || Proof::shared_token(countersign::Token::header("X-Token"));
    let ed25519 = || Proof::ed25519(Signature::header("X-Sig"));
    let build = |proofs: Vec<Proof>| Provider::builder("acme").any_of(proofs).build().unwrap();
    for shared in [hmac, token] as [fn() -> Proof; 2] {
        let secrets = [secret("a secret"), secret(public).as_public_key()];
        let provider = build(vec![shared(), ed25519()]);
        let endpoint = Endpoint::builder("schemes", provider).secrets(secrets).build().unwrap();
        let (only, stranger) = (build(vec![shared()]), secret(public));
        let forged = Signer::new(&only, &stranger).sign("{}");
        assert!(deliver(&endpoint, &forged, "{}").is_err(), "{forged:?}");
        let genuine = Signer::new(&only, &secret("a secret")).sign("{}");
        assert!(deliver(&endpoint, &genuine, "{}").is_ok());
    }
}

/// 64 hex digits are as well the secret of a MAC. A guess would make a genuine sender a forger, or
/// everybody a genuine sender.
#[test]
fn what_may_be_a_public_key_or_a_secret_says_what_it_is() {
    use ConfigError::{AmbiguousSecret, UnusableSecret};
    // RFC 8032 §7.1, the public key of test 1.
    const HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const BASE64: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const SPKI: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{SPKI}\n-----END PUBLIC KEY-----\n");
    let list = || Signature::header("X-Sig").separator(' ').base64();
    let any_of = |proofs: [Proof; 2]| Provider::builder("acme").any_of(proofs).build().unwrap();
    let text = any_of([
        Proof::hmac_sha256(Signature::header("X-Mac")),
        Proof::ed25519(Signature::header("X-Sig")),
    ]);
    let prefixed = any_of([
        Proof::hmac_sha256(list().prefix("v1,").text_or_base64_secret("whsec_")),
        Proof::ed25519(list().prefix("v1a,").base64_secret("whpk_")),
    ]);
    let build = |provider: &Provider, secret: Secret| {
        Endpoint::builder("acme", provider.clone()).secret(secret).build()
    };
    let [whsec, whpk] = ["whsec_", "whpk_"].map(|prefix| format!("{prefix}{BASE64}"));
    for (provider, ambiguous) in [(&text, HEX), (&text, BASE64), (&prefixed, BASE64)] {
        let error = build(provider, secret(ambiguous)).unwrap_err();
        let expected = AmbiguousSecret { endpoint: "acme".to_owned(), position: 1 };
        assert_eq!(error, expected);
        assert!(error.to_string().contains("`Secret::as_public_key`"), "{error}");
        for told in [secret(ambiguous).as_public_key(), secret(ambiguous).as_shared_secret()] {
            assert!(build(provider, told).is_ok());
        }
    }
    // Nobody has to say what can be seen.
    for (provider, clear) in [
        (&text, "a secret"),
        (&text, SPKI),
        (&text, &*pem),
        // Half of all digits are no point of the curve.
        (&text, &"02".repeat(32)),
        (&prefixed, &*whsec),
        (&prefixed, &*whpk),
        (&preset("discord"), HEX),
        (&preset("github"), HEX),
    ] {
        assert!(build(provider, secret(clear)).is_ok(), "{clear}");
    }
    // What is said and cannot be is no guess either.
    for bad in [
        build(&text, secret("a secret").as_public_key()),
        build(&preset("github"), secret(HEX).as_public_key()),
        build(&preset("discord"), secret(HEX).as_shared_secret()),
    ] {
        assert!(matches!(bad, Err(UnusableSecret { .. })), "{bad:?}");
    }
    // And it holds: a shared secret proves a MAC, and a public key none.
    let mac = Provider::builder("acme").hmac_sha256(Signature::header("X-Mac")).build().unwrap();
    let signed = Signer::new(&mac, &secret(HEX)).sign("{}");
    let shared = build(&text, secret(HEX).as_shared_secret()).unwrap();
    assert!(deliver(&shared, &signed, "{}").is_ok());
    let public = build(&text, secret(HEX).as_public_key()).unwrap();
    assert!(deliver(&public, &signed, "{}").is_err());
    for clear in [SPKI, &pem] {
        let endpoint = build(&text, secret(clear)).unwrap();
        let forged = Signer::new(&mac, &secret(clear)).sign("{}");
        assert!(deliver(&endpoint, &forged, "{}").is_err(), "{clear}");
    }
}

/// Everybody knows it, so as the secret of the MAC it would let everybody sign.
#[test]
fn a_public_key_that_cannot_be_read_is_no_shared_secret() {
    use ConfigError::{AmbiguousSecret, UnusableSecret};
    // RFC 8032 §7.1, the public key of test 1; and the start of one of RSA's.
    const SPKI: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";
    let pem = |key: &str| format!("-----BEGIN PUBLIC KEY-----\\n{key}\\n-----END PUBLIC KEY-----");
    let base64 = || Signature::header("X-Sig").base64();
    for public_key in [Proof::ed25519(base64()), Proof::ecdsa_p256(base64())] {
        let proofs = [Proof::hmac_sha256(Signature::header("X-Mac")), public_key.clone()];
        let provider = Provider::builder("acme").any_of(proofs).build().unwrap();
        let build = |secret: Secret| {
            Endpoint::builder("acme", provider.clone()).secret(secret).build().map(|_| ())
        };
        // A line end that an environment variable has as two characters; keys of other kinds; and keys that
        // are written in another way.
        let info = crate::support::hex(&crate::support::from_base64(SPKI));
        let jwk =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        for broken in [&*pem(SPKI), RSA, &*pem(RSA), "-----BEGIN CERTIFICATE-----", &*info, jwk] {
            let told = |role: fn(Secret) -> Secret| build(role(secret(broken)));
            let expected = AmbiguousSecret { endpoint: "acme".to_owned(), position: 1 };
            assert_eq!(build(secret(broken)), Err(expected), "{broken}");
            let error = told(Secret::as_public_key).unwrap_err();
            assert!(matches!(error, UnusableSecret { .. }), "{error}");
            assert!(error.to_string().contains("public keys"), "{error}");
            assert_eq!(told(Secret::as_shared_secret), Ok(()));
        }
        assert_eq!(build(secret("a secret")), Ok(()));
    }
}

/// `…/?a=1` and `B=2` are signed with the same bytes as `…/?a=1B` and `2`.
#[test]
fn a_form_beside_the_url_is_no_key() {
    let build = |parts: Vec<Part>| {
        Provider::builder("acme")
            .hmac_sha256(Signature::header("X-Sig"))
            .signed_content(parts)
            .timestamp(Timestamp::header("X-Time").format(countersign::TimeFormat::UnixSeconds))
            .key_by_body()
            .build()
            .map(drop)
    };
    use Part::{Method, SortedForm, Target, Timestamp as Time, Url};
    let (dot, line) = (|| Part::literal("."), || Part::literal("\n"));
    for parts in [
        vec![Time, dot(), Url, SortedForm],
        vec![Time, SortedForm, Target],
        vec![Time, dot(), Url, dot(), SortedForm],
        vec![SortedForm, dot(), Part::header("X-A"), line(), Time],
    ] {
        assert_eq!(build(parts.clone()), Err(ConfigError::BodyIsNoKey), "{parts:?}");
    }
    for parts in [
        vec![Time, dot(), SortedForm],
        vec![Method, Time, SortedForm],
        vec![Time, dot(), Url, line(), SortedForm],
        vec![Time, dot(), Url, Part::Body],
    ] {
        assert_eq!(build(parts.clone()), Ok(()), "{parts:?}");
    }
}

/// Nothing stands between a URL or a header and the body: what is cut elsewhere is no body that
/// the provider sends, also where nobody looks for a field in it.
#[test]
fn no_byte_moves_between_the_head_and_the_body() {
    let secret = secret("a secret");
    let at = |id: &str| {
        let builder = Endpoint::builder(id, preset(id)).secret(secret.clone());
        match id {
            "hubspot" => builder.public_url("https://hooks.example.test"),
            _ => builder,
        }
        .clock(clock_at(NOW))
        .build()
        .unwrap()
    };
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(NOW);

    let (hubspot, body) = (preset("hubspot"), r#"[{"eventId":1}]"#);
    let signer = Signer::new(&hubspot, &secret).at(time);
    let headers = signer.url("https://hooks.example.test", "/in?portal=12").sign(body);
    let endpoint = at("hubspot");
    let send = |target: &str, body: &str| {
        deliver(&endpoint, &HeadParts { method: "POST", target, headers: &headers }, body).is_ok()
    };
    assert!(send("/in?portal=12", body));
    assert!(!send("/in?portal=1", &format!("2{body}")));
    assert!(!send("/in", &format!("?portal=12{body}")));

    let framer = preset("framer");
    let id = "Framer-Webhook-Submission-Id";
    let headers = Signer::new(&framer, &secret).header(id, "sub12").sign("{}");
    let endpoint = at("framer");
    assert!(deliver(&endpoint, &headers, "{}").is_ok());
    assert!(deliver(&endpoint, &with(&headers, id, "12"), "{}sub").is_err());

    // t.names.values.body
    let body = r#"{"a":"1.5"}"#;
    let plain = Provider::builder("hook0").hmac_sha256(Signature::header("X-Mac")).build().unwrap();
    let signed = format!("{NOW}.x-event-type.wallet.activity.{body}");
    let mac = Signer::new(&plain, &secret).sign(&signed).remove(0).1;
    let header = format!("t={NOW},h=x-event-type,v1={mac}");
    let headers = with(&Vec::new(), "X-Hook0-Signature", &header);
    let endpoint = at("coinbase-cdp");
    let send = |value: &str, body: &str| {
        deliver(&endpoint, &with(&headers, "X-Event-Type", value), body).is_ok()
    };
    assert!(send("wallet.activity", body));
    assert!(!send("wallet", &format!("activity.{body}")));
    assert!(!send(r#"wallet.activity.{"a":"1"#, r#"5"}"#));
}

/// A token covers nothing, and its events may differ in their headers alone.
#[test]
fn events_under_a_token_are_told_apart_by_their_ids() {
    let send = |id: &str, header: &str, value: &str, body: &str| {
        let endpoint = endpoint(preset(id), &["a-token"]);
        let headers = Signer::new(&preset(id), &secret("a-token")).sign(body);
        deliver(&endpoint, &with(&headers, header, value), body).unwrap().key()
    };
    let cloudevent = |id| send("cloudevents", "ce-id", id, "{}");
    assert_eq!(cloudevent("1"), cloudevent("1"));
    assert_ne!(cloudevent("1"), cloudevent("2"));
    // Google's have no body at all.
    let pushed = |number| send("google-push", "X-Goog-Message-Number", number, "");
    assert_eq!(pushed("1"), pushed("1"));
    assert_ne!(pushed("1"), pushed("2"));
}

/// Google counts the messages of each channel from 1.
#[test]
fn equal_numbers_of_two_channels_are_two_events() {
    let endpoint = endpoint(preset("google-push"), &["a-token"]);
    let token = Signer::new(&preset("google-push"), &secret("a-token")).sign("");
    let send = |channel: &str, number: &str| {
        let headers = with(&token, "X-Goog-Channel-ID", channel);
        deliver(&endpoint, &with(&headers, "X-Goog-Message-Number", number), "").unwrap()
    };
    let first = send("channel-1", "7");
    assert_eq!(first.unverified().channel(), Some("channel-1"));
    assert_eq!(first.key(), send("channel-1", "7").key());
    assert_ne!(first.key(), send("channel-2", "7").key());
    // No digit moves from the one to the other.
    assert_ne!(send("channel-1", "17").key(), send("channel-11", "7").key());
    // Under a signature it is part of no key: whoever replays a delivery could write another.
    let signed = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Sig"))
        .unverified_channel("X-Channel")
        .build()
        .unwrap();
    let endpoint = self::endpoint(signed.clone(), &["a secret"]);
    let headers = Signer::new(&signed, &secret("a secret")).sign("{}");
    let key = |channel: &str| {
        deliver(&endpoint, &with(&headers, "X-Channel", channel), "{}").unwrap().key()
    };
    assert_eq!(key("1"), key("2"));
}

/// Claims may be part of a key: what is not kept of them would make one event of two.
#[test]
fn claims_count_however_long_they_are() {
    let long = |last: &str| format!("{}{last}", "x".repeat(300));
    let signed = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Sig"))
        .unverified_event_type("X-Type")
        .build()
        .unwrap();
    let endpoint = self::endpoint(signed.clone(), &["a secret"]);
    let headers = Signer::new(&signed, &secret("a secret")).sign("{}");
    let key = |kind: &str| {
        let delivery = deliver(&endpoint, &with(&headers, "X-Type", kind), "{}").unwrap();
        assert_eq!(delivery.unverified().event_type(), Some(kind));
        delivery.key()
    };
    assert_ne!(key(&long("1")), key(&long("2")));

    let token = Provider::builder("acme")
        .shared_token(countersign::Token::header("X-Token"))
        .unverified_event_type("X-Type")
        .unverified_id("X-Id")
        .unverified_channel("X-Channel")
        .build()
        .unwrap();
    let endpoint = self::endpoint(token, &["a secret"]);
    let key = |kind: &str, id: &str, channel: &str| {
        let headers =
            [("X-Token", "a secret"), ("X-Type", kind), ("X-Id", id), ("X-Channel", channel)];
        deliver(&endpoint, &headers, "{}").unwrap().key()
    };
    // None of them is long, and together they are.
    let most = "x".repeat(80);
    let other = format!("{}y", "x".repeat(79));
    let keys = [
        key(&most, &most, &most),
        key(&other, &most, &most),
        key(&most, &other, &most),
        key(&most, &most, &other),
        key("", &most, &most),
    ];
    let distinct: std::collections::HashSet<_> = keys.into_iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

/// Between an id and a header with nothing between, bytes could be moved: each replay another id.
#[test]
fn an_id_beside_a_header_does_not_build() {
    let build = |parts: Vec<Part>| {
        Provider::builder("acme")
            .hmac_sha256(Signature::header("X-Sig"))
            .signed_content(parts)
            .event_id_header("X-Id")
            .build()
            .map(|_| ())
    };
    let (dot, header) = (|| Part::literal("."), || Part::header("X-Kind"));
    for parts in [
        vec![header(), Part::Id, dot(), Part::Body],
        vec![Part::Id, header(), dot(), Part::Body],
        vec![Part::Target, Part::Id, dot(), Part::Body],
        vec![Part::Id, dot(), header(), Part::Target, dot(), Part::Body],
        vec![Part::Id, dot(), header(), Part::BodySha256InQuery("h".into()), Part::Target],
    ] {
        assert_eq!(build(parts.clone()), Err(ConfigError::AmbiguousSignedContent), "{parts:?}");
    }
    assert_eq!(build(vec![Part::Method, Part::Id, dot(), header(), dot(), Part::Body]), Ok(()));
}

/// A name that is listed again and again would have its header copied as often.
#[test]
fn a_header_is_named_once() {
    let endpoint = endpoint(preset("coinbase-cdp"), &["a secret"]);
    let list = |names: &str| {
        let header = format!("t={NOW},h={names},v1={}", "0".repeat(64));
        let headers = with(&with(&Vec::new(), "X-Hook0-Signature", &header), "X-A", "value");
        deliver(&endpoint, &headers, "{}").unwrap_err().kind()
    };
    assert_eq!(list("x-a"), RejectionKind::SignatureMismatch);
    assert_eq!(list("x-a X-A"), RejectionKind::SignedPartInvalid);
}

/// One change has several events, whose bodies are the same to the byte.
#[test]
fn rows_whose_type_is_in_a_header_alone_name_it() {
    for (id, header) in [
        ("helpscout", "X-HelpScout-Event"),
        ("forgejo", "X-Forgejo-Event"),
        ("gitea", "X-Gitea-Event"),
    ] {
        let endpoint = endpoint(preset(id), &["a secret"]);
        let signed = Signer::new(&preset(id), &secret("a secret")).sign("{}");
        let key =
            |event: &str| deliver(&endpoint, &with(&signed, header, event), "{}").unwrap().key();
        assert_ne!(key("one"), key("other"), "{id}");
    }
}

/// A form's fields are signed in sorted order, so in another order it is the same body.
#[test]
fn a_form_that_is_keyed_by_body_is_keyed_by_what_is_signed() {
    let provider = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Sig"))
        .signed_content([Part::Timestamp, Part::literal("."), Part::SortedForm])
        .timestamp(Timestamp::header("X-Time"))
        .key_by_body()
        .build()
        .unwrap();
    let endpoint = endpoint(provider.clone(), &["a secret"]);
    let secret = secret("a secret");
    let send = |at: u64, signed: &str, body: &str| {
        let headers = Signer::new(&provider, &secret).at_text(&at.to_string()).sign(signed);
        deliver(&endpoint, &headers, body).unwrap().key()
    };
    let first = send(NOW, "A=1&B=2", "A=1&B=2");
    assert_eq!(first, send(NOW, "A=1&B=2", "B=2&A=1"));
    assert_eq!(first, send(NOW, "A=1&B=2", "A=%31&B=2&B=2&"));
    assert_eq!(first, send(NOW - 9, "A=1&B=2", "A=1&B=2"), "a retry");
    assert_ne!(first, send(NOW, "A=1&B=3", "A=1&B=3"));
}

/// Linear writes the time of each delivery into the body.
#[test]
fn a_retry_whose_body_has_a_new_time_is_the_same_event() {
    let endpoint = endpoint(preset("linear"), &["a secret"]);
    let send = |sent: u64, updated: u64| {
        let body = format!(
            r#"{{"action":"update","type":"Issue","createdAt":"2026-05-23T14:29:{updated}.000Z","data":{{"id":"1"}},"webhookTimestamp":{sent}000,"webhookId":"w"}}"#
        );
        let headers = Signer::new(&preset("linear"), &secret("a secret")).sign(&body);
        deliver(&endpoint, &headers, &body).unwrap().key()
    };
    assert_eq!(send(NOW, 30), send(NOW + 1, 30));
    assert_ne!(send(NOW, 30), send(NOW, 31));
    // Payloads that have no `data`, as the types of Linear's SDK name them, all of one moment.
    let about = |what: &str, sent: u64| {
        let body = format!(
            r#"{{"action":"a","type":"T","createdAt":"2026-05-23T14:29:30.000Z",{what},"webhookTimestamp":{sent}000,"webhookId":"w"}}"#
        );
        let headers = Signer::new(&preset("linear"), &secret("a secret")).sign(&body);
        deliver(&endpoint, &headers, &body).unwrap().key()
    };
    for what in [
        r#""agentSession":{"id":"s"},"agentActivity":{"id":"?"}"#,
        r#""agentSession":{"id":"?"},"agentActivity":null"#,
        r#""issueData":{"id":"?"}"#,
        r#""notification":{"id":"?"},"appUserId":"u""#,
        r#""oauthClientId":"c","userId":"?""#,
        r#""oauthClientId":"?""#,
        r#""appUserId":"?","addedTeamIds":["t"]"#,
    ] {
        let [one, other] = ["1", "2"].map(|id| what.replace('?', id));
        assert_eq!(about(&one, NOW), about(&one, NOW + 1), "{one}: a retry");
        assert_ne!(about(&one, NOW), about(&other, NOW), "{one}");
    }
    let retried = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Sig"))
        .timestamp(Timestamp::body("sent").per_delivery())
        .key_by_body()
        .retries(countersign::Retries::within(std::time::Duration::from_secs(60)));
    assert_eq!(retried.build().unwrap_err(), ConfigError::RetriesLookNew);
}

/// Svix's headers begin with `svix-` or with `webhook-`, as its customer likes.
mod families {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn svix() -> Endpoint {
        endpoint(preset("svix"), &[SECRET])
    }

    fn signed(id: &str) -> Pairs {
        Signer::new(&preset("svix"), &secret(SECRET)).id(id).at_text(&NOW.to_string()).sign("{}")
    }

    /// With these headers of the other family.
    fn renamed(headers: Pairs, which: &[&str]) -> Pairs {
        let rename = |(name, value): (String, String)| match name.strip_prefix("svix-") {
            Some(rest) if which.contains(&rest) => (format!("webhook-{rest}"), value),
            _ => (name, value),
        };
        headers.into_iter().map(rename).collect()
    }

    #[test]
    fn a_request_is_read_in_the_family_that_it_carries() {
        let endpoint = svix();
        let first = deliver(&endpoint, &signed("msg_1"), "{}").unwrap();
        let other = renamed(signed("msg_1"), &["id", "timestamp", "signature"]);
        let other = deliver(&endpoint, &other, "{}").unwrap();
        assert_eq!((first.id(), other.id()), (Some("msg_1"), Some("msg_1")));
        // Whoever replays a delivery could rename its headers.
        assert_eq!(first.key(), other.key());
    }

    #[test]
    fn families_are_never_mixed() {
        use RejectionKind::{IdInvalid, SignatureMismatch, SignatureRepeated, TimestampMissing};
        let kind = |headers: Pairs| deliver(&svix(), &headers, "{}").unwrap_err().kind();
        for (which, refused) in [
            (&["signature"][..], IdInvalid),
            (&["id"], IdInvalid),
            (&["timestamp"], TimestampMissing),
            (&["id", "signature"], TimestampMissing),
            (&["timestamp", "signature"], IdInvalid),
            (&["id", "timestamp"], IdInvalid),
        ] {
            assert_eq!(kind(renamed(signed("msg_1"), which)), refused, "{which:?}");
        }
        // Two deliveries in one request, each whole: neither is taken for what was meant.
        let all = &["id", "timestamp", "signature"];
        let both = [signed("msg_1"), renamed(signed("msg_2"), all)].concat();
        assert_eq!(kind(both), SignatureRepeated);
        // What is beside the family of the signature is not looked at.
        let beside = [signed("msg_1"), renamed(signed("msg_2"), all)[..1].to_vec()].concat();
        assert!(deliver(&svix(), &beside, "{}").is_ok());
        let wrong = with(&signed("msg_1"), "svix-id", "msg_2");
        assert_eq!(kind(wrong), SignatureMismatch);
    }

    #[test]
    fn a_header_without_a_family_does_not_build() {
        let standard = || Provider::builder("acme").standard_webhooks("svix");
        let built = |builder: countersign::ProviderBuilder| builder.build().map(drop);
        assert_eq!(built(standard().or_header_prefix("svix-", "webhook-")), Ok(()));
        let outside = |header: &str, prefix: &str| {
            let (header, prefix) = (header.to_owned(), prefix.to_owned());
            Err(ConfigError::HeaderOutsideFamily { header, prefix })
        };
        let claims = standard().unverified_event_type("X-Type");
        assert_eq!(built(claims.or_header_prefix("svix-", "webhook-")), outside("x-type", "svix-"));
        let same = standard().or_header_prefix("svix-", "svix-");
        assert_eq!(built(same), outside("svix-signature", "svix-"));
        let twice = standard().or_header_prefix("svix-", "a-").or_header_prefix("svix-", "A-");
        assert_eq!(built(twice), outside("svix-signature", "svix-"));
        let token = Provider::builder("acme").shared_token(countersign::Token::header("a-token"));
        assert_eq!(built(token.or_header_prefix("a-", "b-")), outside("a-token", "a-"));
    }
}

/// The header that names the key and the hash is not signed: nobody downgrades by it.
#[test]
fn the_hash_of_a_shared_key_is_pinned() {
    let (provider, secret) = (preset("twilio-shared-key"), secret("a secret"));
    let endpoint = Endpoint::builder("twilio", provider.clone())
        .secret(secret.clone())
        .public_url("https://hooks.example.test")
        .build()
        .unwrap();
    let settings = |headers: &Pairs| {
        let name = "X-Twilio-Webhooks-Signature-Settings";
        with(headers, name, "key=KY1,algorithm=HMAC_SHA1")
    };
    let sign = |provider: &Provider| {
        Signer::new(provider, &secret).url("https://hooks.example.test", "/").sign("A=1")
    };
    let refused = deliver(&endpoint, &settings(&sign(&preset("twilio"))), "A=1").unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::SignatureMalformed);
    assert!(deliver(&endpoint, &settings(&sign(&provider)), "A=1").is_ok());
}
