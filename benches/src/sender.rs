//! The two providers that are measured. They sign alike, and differ in what tells their events apart.

use countersign::providers::{hostwares, piora};
use countersign::{Endpoint, Provider, Secret};

use crate::SECRET;

/// A provider, and the routes that take its events.
pub struct Sender {
    pub name: &'static str,
    pub provider: fn() -> Provider,
    /// The header with the signature.
    pub signature: &'static str,
    /// What else has to be in the head.
    pub also: Option<(&'static str, &'static str)>,
    /// A body up to the part that makes it another event, and what comes after that.
    pub head: &'static str,
    pub tail: &'static str,
    /// The route behind the layer.
    pub layered: &'static str,
    /// The route of the handler written by hand.
    pub by_hand: &'static str,
}

/// Its events have no id: what is signed tells them apart, so a digest of the body is made as well.
pub static PIORA: Sender = Sender {
    name: "Piora",
    provider: piora::provider,
    signature: "x-piora-signature",
    also: None,
    head: r#"{"event":"deployment.succeeded","timestamp":"TIME","data":{"deployment":{"status":"succeeded","branch":"main","duration":45},"id":""#,
    tail: "\"",
    layered: "/webhooks/piora",
    by_hand: "/by-hand/piora",
};

/// Its events have an id.
pub static HOSTWARES: Sender = Sender {
    name: "Hostwares",
    provider: hostwares::provider,
    signature: "x-hostwares-signature",
    also: Some(("x-hostwares-timestamp", "1716477000")),
    head: r#"{"event":"deployment.completed","timestamp":"TIME","account_id":"user_xyz","id":"evt_"#,
    tail: r#"","data":{"site_id":"site_1","status":"RUNNING","duration_seconds":45"#,
    layered: "/webhooks/hostwares",
    by_hand: "/by-hand/hostwares",
};

impl Sender {
    /// An endpoint for its deliveries.
    pub fn endpoint(&self) -> Endpoint {
        let secret = Secret::new(SECRET).expect("not empty");
        let name = self.name.to_ascii_lowercase();
        Endpoint::builder(&name, (self.provider)()).secret(secret).build().expect("sound")
    }
}
