//! The events of a run, and who sends them.

use std::rc::Rc;
use std::time::Duration;

use countersign::testing::Signer;
use countersign::{Endpoint, Secret};

use super::Run;
use crate::executor::{BEGINNING, MILLI, Micros, SECOND, at, choose};
use crate::forger;
use crate::operator;
use crate::parking::Attempts;
use crate::process::{SECRET, Settings};
use crate::sender;
use crate::tenants::TENANTS;
use crate::world::{Event, say, world};

impl Run {
    pub(super) fn add_events(&self) {
        let ordered = choose(|tape| tape.chance(1, 2));
        for number in 0..=choose(|tape| tape.below(3)) as usize {
            let (begins, ahead, in_transaction) = choose(|tape| {
                let begins = Micros::from(tape.below(20)) * SECOND;
                // The provider's clock may be as far ahead as the window allows.
                let ahead = tape.pick(&[0, 0, 59, 60, -3]);
                (begins, ahead, tape.chance(1, 2))
            });
            let time = BEGINNING as i64 + (begins / SECOND) as i64 + ahead;
            let mut event = event(&self.settings, number, time);
            event.in_transaction = in_transaction;
            if in_transaction && ordered {
                event.version = Some(choose(|tape| 1 + tape.below(8)));
            }
            // Also where attempts are not counted, a handler may park its event.
            let fails: &[u32] = match self.settings.attempts {
                Attempts::NotCounted => &[0, 0, 0, 1],
                Attempts::Counted | Attempts::Parked { .. } => &[0, 0, 1, 3, 8],
            };
            event.fails = choose(|tape| tape.pick(fails));
            world(|world| world.events.push(event));
            let settings = Rc::clone(&self.settings);
            at(begins, move || sender::send(number, &settings));
            self.add_replays(number, time);
            forger::plan(number, self.calm_at);
            operator::plan(number, self.calm_at, &self.settings);
        }
    }

    /// A listener sends what it has captured: at any time, and just when it is too old.
    fn add_replays(&self, event: usize, time: i64) {
        let past = self.settings.window.past.as_secs() as i64;
        let too_old = time - BEGINNING as i64 + past;
        for _ in 0..choose(|tape| tape.below(4)) {
            let when = choose(|tape| match tape.below(3) {
                0 => Micros::from(tape.below(600)) * SECOND / 4,
                1 => {
                    let edge = Micros::try_from(too_old).unwrap_or(0) * SECOND;
                    (edge + SECOND / 2).saturating_sub(Micros::from(tape.below(2_000)) * MILLI)
                }
                _ => Micros::from(tape.below(3_000)) * MILLI,
            });
            let settings = Rc::clone(&self.settings);
            at(when, move || {
                let process = choose(sender::any_process);
                say(|| format!("a listener replays event {event}"));
                sender::deliver(event, process, &settings, |_| {});
            });
        }
    }
}

fn event(settings: &Settings, number: usize, time: i64) -> Event {
    // Two tenants have events of the same id.
    let tenants = if settings.by_tenant { TENANTS.len() } else { 1 };
    let tenant = settings.by_tenant.then(|| &TENANTS[number % tenants]);
    let secret = Secret::new(tenant.map_or(SECRET, |tenant| tenant.secret)).expect("a secret");
    let id = number / tenants;
    let body = format!(r#"{{"id":"evt_{id}","type":"simulated","time":{time}}}"#);
    let headers = Signer::new(&settings.provider, &secret).sign(&body);
    let mut endpoint = Endpoint::builder("simulated", settings.provider.clone())
        .secret(secret.clone())
        .clock(countersign::ManualClock::at(
            std::time::UNIX_EPOCH + Duration::from_secs(time as u64),
        ))
        .build()
        .expect("an endpoint");
    if let Some(tenant) = tenant {
        endpoint = endpoint.for_tenant(tenant.name, [secret]).expect("an endpoint");
    }
    let mut incoming = endpoint.begin(&headers).expect("a good head");
    incoming.push(body.clone().into()).expect("a small body");
    let key = incoming.finish().expect("a genuine event").key();
    Event {
        body: body.into_bytes().into(),
        headers: Rc::new(headers),
        key,
        tenant,
        time,
        in_transaction: false,
        version: None,
        fails: 0,
        answered_parked: 0,
        acknowledged: false,
        handled: false,
        asked_to_forget: 0,
    }
}
