//! countersign's verdict beside the reference's.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::{Endpoint, HeadParts, ManualClock, RejectionKind, Secret, catalogue};

use super::changes::change;
use super::choice::Choice;
use super::deliveries::{NOW, ORIGIN, make};
use super::facts::{Facts, Place};
use super::keys::Identity;
use super::verify::{Request, judge};

/// A row of the catalogue with its facts, and an endpoint with two secrets.
pub struct Row {
    facts: &'static Facts,
    /// The current one, an older one, and somebody whom the endpoint does not know.
    identities: [Identity; 3],
    secrets: [String; 2],
    endpoint: Endpoint,
}

impl Row {
    /// Every row that facts are known of.
    pub fn all() -> impl Iterator<Item = Self> {
        Facts::all().iter().map(Self::new)
    }

    fn new(facts: &'static Facts) -> Self {
        let identities = [0, 1, 2].map(|number| Identity::new(facts, number));
        let secrets = [0, 1].map(|at: usize| identities[at].secret.clone());
        let provider = catalogue::by_id(&facts.id).expect("a row").provider();
        let now = Duration::from_millis(NOW.unsigned_abs());
        let endpoint = Endpoint::builder("differential", provider)
            .secrets(secrets.clone().map(|secret| Secret::new(secret).expect("a secret")))
            .public_url(ORIGIN)
            .methods(["POST", "PUT"])
            .clock(ManualClock::at(SystemTime::UNIX_EPOCH + now))
            .build()
            .unwrap_or_else(|error| panic!("{}: {error}", facts.id));
        Self { facts, identities, secrets, endpoint }
    }

    pub fn facts(&self) -> &'static Facts {
        self.facts
    }

    /// Makes a delivery of these bytes and holds the two verdicts against each other. Tells whether
    /// the delivery was accepted.
    ///
    /// # Errors
    ///
    /// Where the two disagree: everything that is needed to see why.
    pub fn try_one(&self, bytes: &[u8]) -> Result<bool, String> {
        let mut choice = Choice::new(bytes);
        let changes = choice.one_of(&[0, 1, 1, 1, 2, 3]);
        let mut request = make(self.facts, &self.identities, &mut choice);
        for _ in 0..changes {
            change(self.facts, &self.identities, &mut request, &mut choice);
        }
        let expected = judge(self.facts, &request, &self.secrets, NOW);
        let found = self.deliver(&request, choice.below(64) + 1);
        let agree = match (&found, &expected) {
            (Ok(found), Ok(expected)) => found.is_none_or(|found| found == *expected),
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if agree {
            return Ok(found.is_ok());
        }
        Err(format!(
            "{}: countersign says {found:?}, the reference says {expected:?}\n{}\n{:?}",
            self.facts.id,
            shown(&request),
            self.facts,
        ))
    }

    /// The secret that proves it, where countersign says which one; or the code of the refusal.
    fn deliver(&self, request: &Request, piece: usize) -> Result<Option<usize>, &'static str> {
        let head = HeadParts {
            method: &request.method,
            target: &request.target,
            headers: &request.headers,
        };
        let prove = || {
            let mut incoming = self.endpoint.begin(&head)?;
            for piece in request.body.chunks(piece) {
                incoming.push(Bytes::copy_from_slice(piece))?;
            }
            incoming.prove()
        };
        let proven = prove().map_err(|refused| refused.code());
        let verified = self.endpoint.verify(&head, &request.body);
        let verified = verified.map_err(|refused| refused.code());
        assert_eq!(verified.as_ref().err(), proven.as_ref().err(), "verify and prove differ");
        let time_in_body = self.facts.time.as_ref().is_some_and(|time| time.place == Place::Body);
        match proven?.open() {
            Ok(delivery) => {
                assert_eq!(*delivery.body(), request.body);
                assert_eq!(verified?.secret_index(), delivery.secret_index());
                Ok(Some(delivery.secret_index()))
            }
            // The body is not what the provider would send. It is proven all the same, unless the time
            // was to be read from it.
            Err(refused) if refused.kind() == RejectionKind::BodyMalformed && !time_in_body => {
                Ok(None)
            }
            Err(refused) => Err(refused.code()),
        }
    }
}

fn shown(request: &Request) -> String {
    let mut shown = format!("{} {}{}\n", request.method, request.origin, request.target);
    for (name, value) in &request.headers {
        shown.push_str(&format!("{name}: {value:?}\n"));
    }
    shown + &format!("\n{:?}", String::from_utf8_lossy(&request.body))
}
