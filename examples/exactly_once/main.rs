//! Exactly once, whatever crashes when: an account whose receiver is killed again and again while
//! deposits come in, and are sent again until they are answered 2xx.
//!
//! ```text
//! cargo run --example exactly_once
//! ```
//!
//! The account is in the Postgres at `DATABASE_URL`, or in an SQLite file if that is not set. Start
//! reading with `receiver.rs`: the handler's transaction is all that it takes. In the end every
//! deposit is in the balance, once; otherwise this exits with 1.

mod account;
mod receiver;

use std::error::Error;
use std::net::SocketAddr;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use countersign::Secret;
use countersign::providers::hostwares;
use countersign::testing::Signer;
use countersign_examples::Client;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::account::Account;

const KILLS: usize = 20;
const SENDERS: usize = 8;
/// What sender and receiver share.
const SECRET: &str = "the bank's secret";

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    // The receiver is this program as well, in a process of its own, so that it can be killed.
    if std::env::args().nth(1).as_deref() == Some("receive") {
        receiver::run().await?;
        return Ok(ExitCode::SUCCESS);
    }

    let account = Account::create().await?;
    println!("The account is in {}.", account.kind());
    let (mut receiver, address) = start(&account, "127.0.0.1:0").await?;
    let traffic = Arc::new(Traffic::default());
    let senders: Vec<_> =
        (0..SENDERS).map(|_| tokio::spawn(send(Arc::clone(&traffic), address))).collect();
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(30 + 37 * (kill as u64 % 5))).await;
        receiver.kill().await?; // SIGKILL: it does nothing more
        (receiver, _) = start(&account, &address.to_string()).await?;
    }
    traffic.stopped.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await??;
    }
    receiver.kill().await?;

    let deposits = traffic.deposits.load(Ordering::SeqCst);
    let deliveries = traffic.deliveries.load(Ordering::SeqCst);
    let (entries, balance) = account.read().await?;
    println!("The receiver was killed {KILLS} times.");
    println!("{deposits} deposits of 1, in {deliveries} deliveries.");
    println!("The account has {entries} entries and a balance of {balance}.");
    account.remove().await?;
    let exact = (entries, balance) == (deposits, deposits);
    println!("{}", if exact { "Exactly once." } else { "NOT exactly once." });
    Ok(if exact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts a receiver and waits until it listens.
async fn start(account: &Account, address: &str) -> Result<(Child, SocketAddr), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("receive").env("ADDR", address).env("ACCOUNT", account.address());
    let mut receiver = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = receiver.stdout.take().ok_or("no stdout")?;
    let line = BufReader::new(stdout).lines().next_line().await?.ok_or("it did not start")?;
    Ok((receiver, line.parse()?))
}

#[derive(Default)]
struct Traffic {
    deposits: AtomicUsize,
    deliveries: AtomicUsize,
    stopped: AtomicBool,
}

/// A provider that sends each deposit until it is answered 2xx, and then once more: it might not
/// have heard the answer.
async fn send(traffic: Arc<Traffic>, to: SocketAddr) -> Result<(), Failure> {
    let secret = Secret::new(SECRET)?;
    while !traffic.stopped.load(Ordering::SeqCst) {
        let number = traffic.deposits.fetch_add(1, Ordering::SeqCst);
        let now = OffsetDateTime::from(SystemTime::now()).format(&Rfc3339)?;
        let body = format!(
            r#"{{"id":"evt_{number}","event":"deposit","timestamp":"{now}","data":{{"amount":1}}}}"#
        );
        let headers = Signer::new(&hostwares::provider(), &secret).sign(&body);
        for _ in 0..2 {
            while !deliver(to, &headers, &body).await {
                traffic.deliveries.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            traffic.deliveries.fetch_add(1, Ordering::SeqCst);
        }
    }
    Ok(())
}

/// Whether it was answered 2xx.
async fn deliver(to: SocketAddr, headers: &[(String, String)], body: &str) -> bool {
    let Ok(client) = Client::connect(to).await else { return false };
    let answer = client.post("/webhooks/bank", headers, body).await;
    answer.is_ok_and(|answer| (200..300).contains(&answer.status))
}
