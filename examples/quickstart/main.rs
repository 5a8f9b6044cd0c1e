//! The whole of countersign in one run: a receiver for all five providers on a real socket, and
//! everything that providers, networks and attackers do to it.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! It needs no set-up, prints what was sent and what came of it, and exits with 0 only if all of
//! it went as promised. Start reading with `receiver.rs`: it is all that a user writes.

mod receiver;
mod table;
mod traffic;
mod work;

use std::error::Error;
use std::process::ExitCode;

use countersign_examples::Sender;

use crate::work::Work;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let work = Work::new();
    let senders = Sender::all()?;
    let address = receiver::start(&senders, work.clone()).await?;
    println!("A receiver for {} providers listens on http://{address}.\n", senders.len());

    let mut rows = Vec::new();
    for sender in &senders {
        rows.extend(traffic::play(sender, address, &work).await?);
    }
    Ok(if table::print(&rows) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
