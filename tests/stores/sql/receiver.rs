//! A receiver on a store, and handlers that complete in a transaction of their own.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use countersign::testing::Signer;
use countersign::{
    Answer, Delivery, Endpoint, Provider, Receiver, Rejection, RejectionKind, Runtime, Secret,
    Signature, Store,
};

use super::LEASE;

pub(crate) const SECRET: &str = "correct:horse-battery-staple";

/// `X-Signature: <hex of the MAC over the body>`; the body is the event.
pub(crate) fn provider() -> Provider {
    Provider::builder("plain").hmac_sha256(Signature::header("X-Signature")).build().unwrap()
}

pub(crate) struct Bench<S>(Receiver<S>);

impl<S: Store> Bench<S> {
    pub(crate) fn new(store: S) -> Self {
        Self::with_lease(store, LEASE)
    }

    pub(crate) fn with_lease(store: S, lease: Duration) -> Self {
        let secret = Secret::new(SECRET).unwrap();
        let endpoint = Endpoint::builder("plain", provider()).secret(secret).lease(lease);
        // A machine that stands still is no store that does not answer.
        let endpoint = endpoint.store_timeout(lease / 2);
        let runtime = Runtime::new(
            |task| drop(tokio::spawn(task)),
            |time| Box::pin(tokio::time::sleep(time)),
        );
        Self(Receiver::builder(endpoint.build().unwrap(), store).runtime(runtime).build())
    }

    /// Steps 1 to 4.
    pub(crate) async fn proven(&self, event: &str) -> Delivery {
        let headers = Signer::new(&provider(), &Secret::new(SECRET).unwrap()).sign(event);
        let arriving = self.0.begin(&headers).unwrap();
        let body = Some(Bytes::copy_from_slice(event.as_bytes()));
        self.0.receive(arriving, body, std::future::pending::<()>()).await.unwrap()
    }

    /// The whole way, with a handler that gives its status.
    pub(crate) async fn send<F, Fut>(&self, event: &str, handler: F) -> Result<u16, Rejection>
    where
        F: FnOnce(Delivery) -> Fut + Send,
        Fut: Future<Output = u16> + Send,
    {
        let delivery = self.proven(event).await;
        let handle = self.0.clone().handle(delivery, |delivery| async {
            let status = handler(delivery).await;
            Answer::new(status, status)
        });
        sendable(handle).await
    }

    /// Whether the event's next delivery is handled.
    pub(crate) async fn is_let_in(&self, event: &str) -> Result<u16, Rejection> {
        // A transaction that was dropped is rolled back a little later, and a claim is released then.
        for _ in 0..100 {
            match self.send(event, |_| async { 200 }).await {
                Err(not_yet) if not_yet.kind() == RejectionKind::InFlight => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answer => return answer,
            }
        }
        panic!("its claim stays");
    }
}

/// What the adapters ask of a handler's future.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}
