//! What the tenants' repositories send, what a forger sends, and a rotation while deliveries come in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use countersign::testing::Signer;
use countersign::{Endpoint, Provider, Secret, catalogue};
use countersign_examples::{Client, Exchange};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::database::{Database, Failure};
use crate::secrets::LOOK_AGAIN_AFTER;

const REFUSED: &str = r#"401 {"error":"signature_mismatch"}"#;
const BODY: &str = r#"{"ref":"refs/heads/main"}"#;

/// Senders that are at work at once, for each secret.
const SENDERS: usize = 3;

/// Plays it all. An error if an answer is not as promised.
pub(crate) async fn play(
    address: SocketAddr,
    endpoint: &Endpoint,
    database: &Database,
) -> Result<(), Failure> {
    database.add("acme", "acme's first secret", "acme-1").await?;
    database.add("globex", "globex's secret", "globex-1").await?;
    let github = catalogue::provider("github")?;
    let push = |secret: &str| push(&github, secret, BODY);

    let mut to_acme = Exchange::new(address, "/webhooks/acme/github");
    let mut to_globex = Exchange::new(address, "/webhooks/globex/github");
    let first = push("acme's first secret")?;
    to_acme.send("acme", &first, BODY, "200 acme: push").await?;
    to_acme.send("acme, sent again", &first, BODY, r#"200 {"status":"duplicate"}"#).await?;
    // The bytes are the same, and it is an event of its own.
    to_globex.send("globex", &push("globex's secret")?, BODY, "200 globex: push").await?;
    to_globex.send("acme's delivery, sent to globex", &first, BODY, REFUSED).await?;
    to_acme.send("forged", &push("a guess")?, BODY, REFUSED).await?;

    let mut to_initech = Exchange::new(address, "/webhooks/initech/github");
    let initech = push("initech's secret")?;
    to_initech.send("a tenant that is not known", &initech, BODY, REFUSED).await?;
    database.add("initech", "initech's secret", "initech-1").await?;
    // It is remembered that there is no such tenant, so whoever makes one says so. Other processes know it
    // after `unknown_for`.
    endpoint.forget_secrets_of("initech");
    to_initech.send("the same, once it exists", &initech, BODY, "200 initech: push").await?;

    rotate(&mut to_acme, address, &github, database).await?;
    endpoint.forget_secrets_of("acme");
    to_acme.send("the old secret, after it was removed", &first, BODY, REFUSED).await?;

    to_acme.finish()?;
    to_globex.finish()?;
    Ok(to_initech.finish()?)
}

/// Changes acme's secret in the database and then at the provider, while deliveries come in.
async fn rotate(
    to_acme: &mut Exchange,
    address: SocketAddr,
    github: &Provider,
    database: &Database,
) -> Result<(), Failure> {
    let old = Load::start(address, github, "acme's first secret");
    sleep(Duration::from_millis(200)).await;
    database.add("acme", "acme's second secret", "acme-2").await?;
    // From now on, any process that is shown the new secret finds it in the database, unless it has looked
    // within this time.
    sleep(LOOK_AGAIN_AFTER).await;
    // The provider's workers change over one after the other.
    let new = Load::start(address, github, "acme's second secret");
    sleep(Duration::from_millis(300)).await;
    to_acme.check("rotation, signed with the old secret", &old.stop().await?, "all handled");
    to_acme.check("rotation, signed with the new secret", &new.stop().await?, "all handled");
    database.remove_secret("acme", "acme-1").await
}

/// Senders that deliver one event after another.
struct Load {
    counts: Arc<Counts>,
    senders: Vec<JoinHandle<Result<(), Failure>>>,
}

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    sent: AtomicUsize,
    handled: AtomicUsize,
}

impl Load {
    fn start(to: SocketAddr, github: &Provider, secret: &'static str) -> Self {
        let counts = Arc::new(Counts::default());
        let sender = |_| tokio::spawn(send(to, github.clone(), secret, Arc::clone(&counts)));
        let senders = (0..SENDERS).map(sender).collect();
        Self { counts, senders }
    }

    async fn stop(self) -> Result<String, Failure> {
        self.counts.stop.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.await??;
        }
        let sent = self.counts.sent.load(Ordering::SeqCst);
        let handled = self.counts.handled.load(Ordering::SeqCst);
        Ok(match sent {
            0 => "nothing was sent".to_owned(),
            _ if sent == handled => "all handled".to_owned(),
            _ => format!("{handled} of {sent} handled"),
        })
    }
}

async fn send(
    to: SocketAddr,
    github: Provider,
    secret: &'static str,
    counts: Arc<Counts>,
) -> Result<(), Failure> {
    while !counts.stop.load(Ordering::SeqCst) {
        let number = counts.sent.fetch_add(1, Ordering::SeqCst);
        let body = format!(r#"{{"sent with":"{secret}","number":{number}}}"#);
        let headers = push(&github, secret, &body)?;
        let answer =
            Client::connect(to).await?.post("/webhooks/acme/github", &headers, &body).await?;
        if (answer.status, &*answer.body) == (200, "acme: push") {
            counts.handled.fetch_add(1, Ordering::SeqCst);
        }
    }
    Ok(())
}

/// The headers of a push, as GitHub signs it.
fn push(github: &Provider, secret: &str, body: &str) -> Result<Vec<(String, String)>, Failure> {
    let secret = Secret::new(secret)?;
    Ok(Signer::new(github, &secret).header("X-GitHub-Event", "push").sign(body))
}
