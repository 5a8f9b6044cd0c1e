//! The traffic: what one provider sends, and what countersign promises for it. It knows the
//! receiver's address and no more, so it can be played against any receiver.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::Secret;
use countersign_examples::{Answer, Client, Sender, Signed};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::table::Row;
use crate::work::Work;

/// How many copies of one delivery come at once.
const COPIES: usize = 8;

/// How long to wait for answers that are promised. Reached only when a promise is broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// 2024-01-15T10:30:00Z.
const CAPTURED: Duration = Duration::from_secs(1_705_314_600);

/// Plays everything that can come from one provider, and in its name.
pub(crate) async fn play(
    sender: &Sender,
    address: SocketAddr,
    work: &Work,
) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let now = SystemTime::now();
    let mut rows = Vec::new();
    let mut row = |sent, event: &Signed, answered: String, promised: String, runs| {
        rows.push(Row {
            provider: sender.name().to_owned(),
            sent,
            answered,
            promised,
            handled: work.take_handled(),
            promised_handled: vec![event.event_type.clone(); runs],
        });
    };

    let event = sender.deliver(1, now);
    let answered = post(address, &event).await?.to_string();
    row("genuine", &event, answered, "200".into(), 1);
    let answered = post(address, &sender.retry(&event)).await?.to_string();
    row("retried", &event, answered, "200 duplicate".into(), 0);

    let event = sender.deliver(2, now);
    let (answered, again) = at_once(address, &event, work).await?;
    let others = COPIES - 1;
    let promised = format!("1 × 200; {others} × 503 in_flight, Retry-After");
    row("8 at once", &event, answered, promised, 1);
    row("the 7 again", &event, again, format!("{others} × 200 duplicate"), 0);

    let event = sender.deliver(3, now);
    work.set_failing(true);
    let first = post(address, &event).await?;
    work.set_failing(false);
    let second = post(address, &sender.retry(&event)).await?;
    row("failed, retried", &event, format!("{first}, then {second}"), "500, then 200".into(), 2);

    let forger = sender.with_secret(Secret::new("a guess")?);
    let event = forger.deliver(4, now);
    let promised = match sender.name() {
        "pingara" => "401 token_mismatch",
        _ => "401 signature_mismatch",
    };
    row("forged", &event, post(address, &event).await?.to_string(), promised.into(), 0);

    let event = sender.deliver(5, SystemTime::UNIX_EPOCH + CAPTURED);
    let answered = post(address, &event).await?.to_string();
    row("from 2024", &event, answered, "401 timestamp_stale".into(), 0);
    Ok(rows)
}

async fn post(address: SocketAddr, delivery: &Signed) -> io::Result<Answer> {
    let client = Client::connect(address).await?;
    client.post(&delivery.path, &delivery.headers, &delivery.body).await
}

/// Sends copies of a delivery at the same time, while the handler is kept from finishing; and
/// once it has, those that were turned away once more.
async fn at_once(
    address: SocketAddr,
    delivery: &Signed,
    work: &Work,
) -> io::Result<(String, String)> {
    work.set_gate(false);
    let all_connected = Arc::new(Barrier::new(COPIES));
    let mut copies = JoinSet::new();
    for _ in 0..COPIES {
        let (delivery, all_connected) = (delivery.clone(), Arc::clone(&all_connected));
        copies.spawn(async move {
            let client = Client::connect(address).await?;
            all_connected.wait().await;
            client.post(&delivery.path, &delivery.headers, &delivery.body).await
        });
    }
    // All but the one that is being handled are promised an answer now.
    let mut answers = Vec::new();
    while answers.len() < COPIES - 1 {
        let Ok(Some(answer)) = timeout(PATIENCE, copies.join_next()).await else { break };
        answers.push(answer??);
    }
    work.set_gate(true);
    while let Some(answer) = copies.join_next().await {
        answers.push(answer??);
    }

    let mut again = Vec::new();
    for _ in answers.iter().filter(|answer| answer.status == 503) {
        again.push(post(address, delivery).await?);
    }
    Ok((tally(&answers), tally(&again)))
}

/// Answers as `1 × 200; 7 × 503 in_flight, Retry-After`.
fn tally(answers: &[Answer]) -> String {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.to_string()).or_insert(0) += 1;
    }
    if tally.is_empty() {
        return "nothing".to_owned();
    }
    let parts: Vec<_> = tally.iter().map(|(answer, count)| format!("{count} × {answer}")).collect();
    parts.join("; ")
}
