//! The whole of countersign in one run: a receiver for all five providers on a real socket, and
//! everything that providers, networks and attackers do to it.
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- --actix
//! ```
//!
//! It needs no set-up, prints what was sent and what came of it, and exits with 0 only if all of
//! it went as promised. Start reading with `on_axum.rs` or `on_actix.rs`: each is all that a user
//! of that framework writes.

mod on_actix;
mod on_axum;
mod table;
mod traffic;
mod work;

use std::error::Error;
use std::process::ExitCode;

use countersign_examples::Sender;

use crate::work::Work;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let work = Work::new();
    let senders = Sender::all()?;
    let address = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["--axum"] => on_axum::start(&senders, work.clone()).await?,
        ["--actix"] => on_actix::start(&senders, work.clone())?,
        _ => {
            eprintln!("usage: quickstart [--axum | --actix]");
            return Ok(ExitCode::from(2));
        }
    };
    println!("A receiver for {} providers listens on http://{address}.\n", senders.len());

    let mut rows = Vec::new();
    for sender in &senders {
        rows.extend(traffic::play(sender, address, &work).await?);
    }
    Ok(if table::print(&rows) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
