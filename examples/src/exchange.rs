//! What an example sends to its own receiver, and whether each delivery is answered as promised.

use std::io;
use std::net::SocketAddr;

use crate::client::Client;

/// Sends deliveries to one path, prints the answers and counts those that are not as promised.
#[derive(Debug)]
pub struct Exchange {
    address: SocketAddr,
    path: &'static str,
    not_as_promised: usize,
}

impl Exchange {
    /// An exchange with the receiver that listens there.
    #[must_use]
    pub fn new(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, not_as_promised: 0 }
    }

    /// Sends one delivery. `promised` is the answer's status and body, as in `200 thank you`.
    ///
    /// # Errors
    ///
    /// If the receiver does not answer.
    pub async fn send(
        &mut self,
        what: &str,
        headers: &[(String, String)],
        body: &str,
        promised: &str,
    ) -> io::Result<()> {
        let client = Client::connect(self.address).await?;
        let answer = client.post(self.path, headers, body).await?;
        self.check(what, &format!("{} {}", answer.status, answer.body), promised);
        Ok(())
    }

    /// Prints what came of it, and counts it if it is not as promised.
    pub fn check(&mut self, what: &str, came: &str, promised: &str) {
        println!("{what}: {came}");
        if came != promised {
            println!("  NOT as promised: {promised}");
            self.not_as_promised += 1;
        }
    }

    /// Ends the exchange.
    ///
    /// # Errors
    ///
    /// If an answer was not as promised.
    pub fn finish(self) -> io::Result<()> {
        match self.not_as_promised {
            0 => Ok(()),
            count => Err(io::Error::other(format!("{count} not as promised"))),
        }
    }
}
