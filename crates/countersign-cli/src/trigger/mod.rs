//! `countersign trigger`: sends an event as a provider would, and says whether the answer is right.

mod args;
mod capture;
mod curl;
mod event;
mod exchange;
mod verdict;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) use args::TriggerArgs;
use countersign::signing::{Attempts, Next, SignedRequest, samples};
use humantime::format_duration;

use crate::known::{Known, Named};
use crate::{forward, say};
use event::Plan;
use exchange::{Answer, Exchange};
use verdict::{Expected, Verdict};

/// Nothing was sent.
const NOTHING_SENT: u8 = 2;

pub(crate) fn run(args: &TriggerArgs) -> ExitCode {
    let done = if args.list { list(args).map(|()| true) } else { trigger(args) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            say(&format!("countersign: {problem}; see `countersign trigger --help`"));
            ExitCode::from(NOTHING_SENT)
        }
    }
}

/// A line on stdout. Nobody has to read it: the exit code says it, too.
fn tell(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn list(args: &TriggerArgs) -> Result<(), String> {
    let known = Known::read(&args.known)?;
    let one = args.provider.as_deref().map(|id| known.provider(id)).transpose()?;
    let mut text = String::new();
    match &one {
        Some(Named { provider, .. }) => {
            let events = samples::events(provider.name());
            if events.is_empty() {
                return Err(format!("{}: there are no sample events; use --body", provider.name()));
            }
            for event in events {
                let _ = writeln!(text, "{event}");
            }
        }
        None => {
            for id in samples::providers() {
                let _ = writeln!(text, "{id}: {}", samples::events(id).join(", "));
            }
        }
    }
    tell(text.trim_end());
    Ok(())
}

/// Whether the answer is the right one. An error is a sentence that says why nothing was sent.
fn trigger(args: &TriggerArgs) -> Result<bool, String> {
    if let Some(to) = args.to.as_deref().filter(|_| !args.dry_run) {
        forward::parse("--to", to)?;
    }
    let plan = Plan::of(args)?;
    if args.dry_run {
        tell(&curl::command(&plan, &plan.request)?);
        return Ok(true);
    }
    let exchange = Exchange::new(&plan)?;
    let attempts = match args.retries {
        true => Some(plan.sender.attempts().map_err(|error| error.to_string())?),
        false => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    tell(&plan.title);
    let right = runtime.block_on(async {
        match (args.copies, attempts) {
            (Some(copies), _) => send_copies(&exchange, &plan, copies).await,
            (None, Some(attempts)) => {
                send_retries(&exchange, &plan, attempts, args.speed.unwrap_or(1)).await
            }
            (None, None) => Ok(send_one(&exchange, &plan).await),
        }
    });
    // A name that is being looked up would hold up a drop.
    runtime.shutdown_background();
    right
}

async fn send_one(exchange: &Exchange, plan: &Plan) -> bool {
    let answer = exchange.send(&plan.request).await;
    tell(&answer.to_string());
    let verdict = Verdict::of(&answer);
    tell(&verdict.sentence(plan.expected, &answer));
    verdict.is_right(plan.expected)
}

async fn send_copies(exchange: &Exchange, plan: &Plan, copies: u16) -> Result<bool, String> {
    let sending: Vec<_> = (0..copies)
        .map(|_| {
            let (exchange, request) = (exchange.clone(), plan.request.clone());
            tokio::spawn(async move { exchange.send(&request).await })
        })
        .collect();
    let mut verdicts = Vec::new();
    for (number, one) in sending.into_iter().enumerate() {
        let answer: Answer = one.await.map_err(|error| format!("a copy was not sent: {error}"))?;
        tell(&format!("copy {}  {answer}", number + 1));
        verdicts.push(Verdict::of(&answer));
    }
    let (right, sentence) = verdict::of_copies(&verdicts);
    tell(&sentence);
    Ok(right)
}

async fn send_retries(
    exchange: &Exchange,
    plan: &Plan,
    mut attempts: Attempts,
    speed: u32,
) -> Result<bool, String> {
    if attempts.are_assumed() {
        tell("the provider does not say when it tries again: waits that double are assumed");
    }
    let mut request: SignedRequest = plan.request.clone();
    for number in 1.. {
        let answer = exchange.send(&request).await;
        let said = format!("attempt {number}  {answer}");
        let wait = match attempts.after(answer.status()) {
            Next::Delivered if Verdict::of(&answer) == Verdict::Parked => {
                tell(&said);
                tell(&format!("parked at attempt {number}: not handled, and not sent again"));
                return Ok(false);
            }
            Next::Delivered => {
                tell(&said);
                tell(&format!("accepted at attempt {number}"));
                return Ok(true);
            }
            Next::GivenUp => {
                tell(&said);
                tell("not accepted; the provider would not send it again");
                return Ok(false);
            }
            Next::In(wait) => wait,
        };
        let shorter = wait.checked_div(speed).unwrap_or(wait);
        let faster = match speed {
            1 => String::new(),
            speed => format!(" (here {}, {speed}x)", format_duration(rounded(shorter))),
        };
        tell(&format!("{said}; the next attempt in {}{faster}", format_duration(wait)));
        tokio::time::sleep(shorter).await;
        request = plan.retry(number)?;
    }
    Ok(false)
}

/// To the millisecond, for people.
fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
