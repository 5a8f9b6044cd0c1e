//! Secrets that are looked up, without a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::testing::Signer;
use countersign::{
    ConfigError, Delivery, Endpoint, HeadParts, MemoryStore, Proof, Provider, Receiver,
    RejectionKind, Reply, ResolveError, ResolvedSecrets, Runtime, Secret, Signature, TenantSecrets,
    Token,
};
use countersign_tests::Recorded;

use crate::logs::Log;

fn acme() -> Provider {
    Provider::builder("acme").hmac_sha256(Signature::header("x-signature")).build().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

async fn nobody(_: String) -> Result<Option<TenantSecrets>, ResolveError> {
    Ok(None)
}

fn receiver(provider: Provider, secrets: ResolvedSecrets) -> Receiver<MemoryStore> {
    let endpoint = Endpoint::builder("acme", provider).resolve(secrets).build().unwrap();
    Receiver::builder(endpoint, MemoryStore::new()).runtime(Runtime::tokio()).build()
}

async fn receive(
    receiver: &Receiver<MemoryStore>,
    target: &str,
    headers: &[(String, String)],
    body: &'static str,
) -> Result<Delivery, Reply> {
    let arriving = receiver.begin(&HeadParts { method: "POST", target, headers })?;
    let deadline = std::future::pending::<()>();
    receiver.receive(arriving, Some(Bytes::from_static(body.as_bytes())), deadline).await
}

fn kind(refused: Result<Delivery, Reply>) -> RejectionKind {
    refused.unwrap_err().rejection().unwrap().kind()
}

#[test]
fn mistakes_are_named() {
    let build =
        |secrets: ResolvedSecrets| Endpoint::builder("acme", acme()).resolve(secrets).build();
    for pattern in ["/hooks", "/hooks/{id}", "hooks/{tenant}", "/hooks/x{tenant}"] {
        let error = build(ResolvedSecrets::by_path(pattern, nobody)).unwrap_err().to_string();
        assert!(error.contains("`by_path`") && error.contains(pattern), "{error}");
    }
    let error = build(ResolvedSecrets::by_header("x tenant", nobody)).unwrap_err();
    assert!(matches!(error, ConfigError::InvalidHeaderName { field: "by_header", .. }), "{error}");
    let fine = || ResolvedSecrets::by_host(nobody);
    for (field, secrets) in [
        ("fresh_for", fine().fresh_for(Duration::ZERO)),
        ("unknown_for", fine().unknown_for(Duration::ZERO)),
        ("look_again_after", fine().look_again_after(Duration::ZERO)),
        ("timeout", fine().timeout(Duration::ZERO)),
        ("concurrent", fine().concurrent(0)),
        ("capacity", fine().capacity(0)),
    ] {
        let error = build(secrets).unwrap_err();
        assert!(matches!(error, ConfigError::Zero { field: named } if named == field), "{error}");
    }
    let both = Endpoint::builder("acme", acme()).secret(secret("a")).resolve(fine()).build();
    assert_eq!(
        both.unwrap_err().to_string(),
        "`secret` and `resolve` are both called, and only one can hold: call one"
    );
}

#[test]
fn only_a_receiver_looks_secrets_up() {
    let resolved = ResolvedSecrets::by_host(nobody);
    let endpoint = Endpoint::builder("acme", acme()).resolve(resolved).build().unwrap();
    let signed = Signer::new(&acme(), &secret("a")).sign("{}");
    let refused = endpoint.begin(&signed).unwrap_err();
    assert_eq!((refused.kind(), refused.status()), (RejectionKind::SecretsUnavailable, 503));
    assert_eq!(
        endpoint.verify(&signed, b"{}").unwrap_err().kind(),
        RejectionKind::SecretsUnavailable
    );
    assert!(endpoint.replace_secrets([secret("a")]).is_err());

    let of_a = endpoint.for_tenant("a", [secret("a")]).unwrap();
    let of_b = endpoint.for_tenant("b", [secret("a")]).unwrap();
    assert!(of_a.verify(&signed, b"{}").is_ok());
    let key = |endpoint: &Endpoint| {
        let mut incoming = endpoint.begin(&signed).unwrap();
        incoming.push(Bytes::from_static(b"{}")).unwrap();
        let delivery = incoming.finish().unwrap();
        (delivery.key(), delivery.tenant().map(str::to_owned))
    };
    let ((key_a, tenant_a), (key_b, _)) = (key(&of_a), key(&of_b));
    assert_ne!(key_a, key_b);
    assert_eq!(tenant_a.as_deref(), Some("a"));
    assert!(endpoint.for_tenant("a", []).is_err());
}

/// A provider that changes from a token to a signature and sends one or the other.
#[tokio::test]
async fn one_of_several_proofs() {
    let provider = Provider::builder("acme")
        .any_of([
            Proof::shared_token(Token::header("x-token")),
            Proof::hmac_sha256(Signature::header("x-signature")),
            Proof::ed25519(Signature::header("x-key-signature")),
        ])
        .build()
        .unwrap();
    let of = async |tenant: String| {
        let secret = Secret::new(tenant)?.as_shared_secret();
        Ok::<_, ResolveError>(Some(TenantSecrets::new([secret])))
    };
    let receiver = receiver(provider, ResolvedSecrets::by_path("/{tenant}", of));
    let token = |token: &str| vec![("x-token".to_owned(), token.to_owned())];
    let signed = |with: &str| Signer::new(&acme(), &secret(with)).sign("{}");
    assert!(receive(&receiver, "/a", &token("a"), "{}").await.is_ok());
    assert!(receive(&receiver, "/b", &signed("b"), "{}").await.is_ok());
    assert!(receive(&receiver, "/b", &signed("a"), "{}").await.is_err());
    assert!(receive(&receiver, "/b", &token("a"), "{}").await.is_err());
    let both = [token("x"), signed("b")].concat();
    assert!(receive(&receiver, "/b", &both, "{}").await.is_ok());
    let none = receive(&receiver, "/b", &[], "{}").await;
    assert_eq!(kind(none).default_status(), 401);
    let key = vec![("x-key-signature".to_owned(), "0".repeat(128))];
    assert!(receive(&receiver, "/b", &key, "{}").await.is_err());
}

/// Keys that a provider publishes: a new one is found when it is first used, and a stranger who
/// makes keys up cannot have them fetched again and again.
#[tokio::test]
async fn public_keys_that_change() {
    let provider =
        Provider::builder("acme").ed25519(Signature::header("x-signature")).build().unwrap();
    let private = |byte: u8| secret(&format!("{byte:02x}").repeat(32));
    let public = |byte: u8| {
        let bytes = [byte; 32];
        let key = ed25519_dalek::SigningKey::from_bytes(&bytes).verifying_key();
        let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        secret(&hex).as_public_key()
    };
    let (fetched, newest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(1)));
    let resolver = {
        let (fetched, newest) = (Arc::clone(&fetched), Arc::clone(&newest));
        move |_: String| {
            fetched.fetch_add(1, Ordering::SeqCst);
            let newest = newest.load(Ordering::SeqCst) as u8;
            let keys = (1..=newest).rev().map(public);
            std::future::ready(Ok(Some(TenantSecrets::new(keys))))
        }
    };
    let clock = countersign::ManualClock::at(std::time::SystemTime::now());
    let endpoint = Endpoint::builder("acme", provider.clone())
        .resolve(ResolvedSecrets::for_all(resolver).fresh_for(Duration::from_secs(86_400)))
        .clock(clock.clone())
        .build()
        .unwrap();
    let receiver = Receiver::builder(endpoint, MemoryStore::new()).build();
    let signed = |byte: u8| Signer::new(&provider, &private(byte)).sign("{}");
    let delivery = receive(&receiver, "/", &signed(1), "{}").await.unwrap();
    assert_eq!(delivery.tenant(), None);
    clock.advance(Duration::from_secs(60));
    newest.store(2, Ordering::SeqCst);
    assert!(receive(&receiver, "/", &signed(2), "{}").await.is_ok());
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    for forged in 10..30 {
        let refused = receive(&receiver, "/", &signed(forged), "{}").await;
        assert_eq!(kind(refused), RejectionKind::SignatureMismatch);
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 2, "within a minute");
    clock.advance(Duration::from_secs(60));
    for forged in 10..30 {
        assert!(receive(&receiver, "/", &signed(forged), "{}").await.is_err());
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 3);
    assert!(receive(&receiver, "/", &signed(1), "{}").await.is_ok());
}

/// Each outcome is there before the first look-up, so that an alarm sees the first one that fails.
#[tokio::test]
async fn look_ups_are_counted_by_how_they_ended() {
    let recorded = Recorded::default();
    let _guard = metrics::set_default_local_recorder(&recorded);
    let of = async |tenant: String| match &*tenant {
        "acme" => Ok(Some(TenantSecrets::new([secret("a")]))),
        "globex" => Ok(None),
        _ => Err(ResolveError::from("the vault is sealed")),
    };
    let receiver = receiver(acme(), ResolvedSecrets::by_path("/{tenant}", of));
    let counts = || {
        let of = |outcome: &str| {
            let labels = format!(r#"{{endpoint="acme",outcome="{outcome}"}}"#);
            recorded.of("").get(&format!("countersign_secret_lookups_total{labels}")).copied()
        };
        ["known", "unknown", "failed"].map(of)
    };
    assert_eq!(counts(), [Some(0.0); 3]);
    let signed = Signer::new(&acme(), &secret("a")).sign("{}");
    assert!(receive(&receiver, "/acme", &signed, "{}").await.is_ok());
    assert!(receive(&receiver, "/globex", &signed, "{}").await.is_err());
    for _ in 0..2 {
        let refused = receive(&receiver, "/initech", &signed, "{}").await;
        assert_eq!(kind(refused), RejectionKind::SecretsUnavailable);
    }
    assert_eq!(counts(), [Some(1.0), Some(1.0), Some(2.0)]);
}

/// The warning says whose secrets did not match, or that there are none.
#[tokio::test]
async fn a_delivery_that_matches_no_secret_is_warned_of() {
    let of = async |tenant: String| {
        let acme = || TenantSecrets::new([secret("a")]);
        Ok((tenant == "acme").then(acme))
    };
    let forged = Signer::new(&acme(), &secret("a guess")).sign("{}");
    for (target, said) in [
        ("/acme", [r#"tenant="acme""#, "signs with another secret"]),
        ("/globex", ["mismatches=1", "the resolver knows no tenant"]),
        ("/not/here", ["mismatches=1", "has no name where it is looked for"]),
    ] {
        let receiver = receiver(acme(), ResolvedSecrets::by_path("/{tenant}", of));
        let log = Log::of(async {
            for _ in 0..2 {
                assert!(receive(&receiver, target, &forged, "{}").await.is_err());
            }
        });
        let log = log.await;
        let warned: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(warned.len(), 1, "{log}");
        assert!(said.iter().all(|said| log.contains(said)), "{said:?} in {log}");
    }
}

/// What the log says of a resolver's failure is its error, and never a secret.
#[test]
fn errors_have_their_causes() {
    let error = || -> Result<(), ResolveError> {
        let missing: std::io::Error = std::fs::read("/nowhere/at/all").unwrap_err();
        Err(missing)?
    };
    let said = error().unwrap_err();
    assert!(said.to_string().contains("No such file"), "{said}");
    let secrets = TenantSecrets::new([secret("correct-horse")]);
    assert!(!format!("{secrets:?}").contains("correct-horse"));
}
