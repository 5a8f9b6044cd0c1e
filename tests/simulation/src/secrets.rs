//! Where a process has its secrets from: its own settings, replaced while deliveries come in, or a place
//! outside that is slow or down at times, and that is wrong at times in some worlds. Senders sign with
//! [`SECRET`], or that of their tenant, which is always one of them where nothing is wrong, so no delivery may
//! be refused as forged. After a wrong answer one may be, and soon none is any more; none at all that comes
//! after the process was told to forget what was looked up.

use std::time::Duration;

use countersign::{
    Endpoint, EndpointBuilder, ResolveError, ResolvedSecrets, Secret, SecretResolver, TenantSecrets,
};

use crate::executor::{Micros, Process, RUNTIME, SECOND, after, choose, machine, now};
use crate::process::{SECRET, server};
use crate::tenants;
use crate::world::{World, say, world};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    Fixed,
    Replaced,
    LookedUp,
    /// In a place that does not know its tenants at times, or has old secrets for them.
    LookedUpWrongly,
}

impl Secrets {
    pub fn choose(by_tenant: bool) -> Self {
        // Few are looked up: a process without secrets handles nothing.
        let look_ups = [Self::LookedUp, Self::LookedUpWrongly];
        let own = [Self::Fixed, Self::Replaced];
        choose(|tape| match by_tenant || tape.chance(1, 3) {
            true => tape.pick(&look_ups),
            false => tape.pick(&own),
        })
    }

    pub fn of(
        self,
        endpoint: EndpointBuilder,
        process: Process,
        by_tenant: bool,
    ) -> EndpointBuilder {
        let vault = Vault { process, errs: self == Self::LookedUpWrongly };
        let resolved = match self {
            Self::Fixed | Self::Replaced => return endpoint.secret(secret(SECRET)),
            _ if by_tenant => ResolvedSecrets::by_header(tenants::HEADER, vault),
            Self::LookedUp | Self::LookedUpWrongly => ResolvedSecrets::for_all(vault),
        };
        endpoint.resolve(
            resolved
                .fresh_for(Duration::from_secs(20))
                .usable_for(Duration::from_secs(60))
                .unknown_for(MISLED_FOR)
                .look_again_after(Duration::from_secs(5)),
        )
    }

    /// Replaces the secrets now and then, or has what was looked up forgotten, as long as the process lives.
    pub fn keep_changing(self, endpoint: &Endpoint, process: Process) {
        if self != Self::Fixed {
            self.change_later(endpoint.clone(), process, machine(process).start, CHANGED);
        }
    }

    fn change_later(self, endpoint: Endpoint, process: Process, start: u32, left: u32) {
        if left == 0 || !world(|world| world.troubled) {
            return;
        }
        let wait = choose(|tape| u64::from(tape.below(1_200)) * SECOND);
        after(wait, move || {
            let lives = machine(process).is_up && machine(process).start == start;
            if lives && world(|world| world.troubled) {
                if self == Self::Replaced {
                    World::cover("secrets", "replaced");
                    let _ = endpoint.replace_secrets(choose_secrets(SECRET));
                } else {
                    forget(&endpoint, process);
                }
                self.change_later(endpoint, process, start, left - 1);
            }
        });
    }
}

/// How often a process changes its secrets, so that a run is not mostly of this.
const CHANGED: u32 = 3;

/// What was wrong is not used for deliveries that come from here on.
fn forget(endpoint: &Endpoint, process: Process) {
    World::cover("secrets", "forgotten");
    say(|| format!("process {process} forgets the secrets that it has looked up"));
    // Where there are no tenants, the name is empty.
    for name in tenants::names().chain([""]) {
        endpoint.forget_secrets_of(name);
    }
    world(|world| world.misled.entry(process).or_default().set_right = now());
}

/// The sender's secret among others, first or last; at times a set that cannot be used.
fn choose_secrets(current: &str) -> Vec<Secret> {
    match choose(|tape| tape.below(4)) {
        0 => vec![secret(current)],
        1 => vec![secret("the next secret"), secret(current)],
        2 => vec![secret(current), secret("the last secret")],
        _ => Vec::new(),
    }
}

/// For how long a wrong answer counts at most: that there is no such tenant, or secrets that are looked up
/// again after five seconds.
const MISLED_FOR: Duration = Duration::from_secs(15);

/// What a process was given of wrong secrets.
#[derive(Clone, Copy, Default)]
pub struct Misled {
    /// When the last look-up began that was answered wrongly, and the last answer.
    began: Micros,
    answered: Micros,
    /// When it last forgot what it had looked up.
    set_right: Micros,
}

/// Whether a wrong answer may still count in this process, for a delivery that has come then.
pub fn is_misled(process: Process, came: Micros) -> bool {
    let Some(misled) = world(|world| world.misled.get(&process).copied()) else { return false };
    let is_forgotten = came > misled.set_right && misled.began < misled.set_right;
    // Who waited for it with a process that was paused has it later.
    let at = misled.answered.max(machine(process).paused_until);
    misled.answered > 0 && !is_forgotten && now() < at + MISLED_FOR.as_micros() as Micros + SECOND
}

/// A place outside of the process.
struct Vault {
    process: Process,
    errs: bool,
}

impl SecretResolver for Vault {
    async fn resolve(&self, name: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        let began = now();
        let troubled = world(|world| world.troubled);
        let (wait, fate) =
            choose(|tape| (tape.below(if troubled { 4_000 } else { 50 }), tape.below(4)));
        RUNTIME.sleep(Duration::from_millis(u64::from(wait))).await;
        if troubled && fate == 0 {
            World::cover("secrets", "not resolved");
            return Err("down".into());
        }
        if troubled && self.errs && fate == 1 {
            World::cover("secrets", "resolved wrongly");
            if choose(|tape| tape.chance(1, 4)) {
                // It is set right while the wrong answer is on its way, and the process is told.
                if let Some(server) = server(self.process) {
                    forget(server.receiver.endpoint(), self.process);
                }
                let wait = choose(|tape| tape.below(500));
                RUNTIME.sleep(Duration::from_millis(u64::from(wait))).await;
            }
            world(|world| {
                let misled = world.misled.entry(self.process).or_default();
                (misled.began, misled.answered) = (misled.began.max(began), now());
            });
            let old = || TenantSecrets::new([secret("the secret before the last")]);
            return Ok(choose(|tape| tape.chance(1, 2)).then(old));
        }
        World::cover("secrets", "resolved");
        let tenant = tenants::named(name);
        let current = match tenant {
            Some(tenant) => tenant.secret,
            None if name.is_empty() => SECRET,
            None => return Ok(None),
        };
        let mut secrets = choose_secrets(current);
        if secrets.is_empty() {
            secrets.push(secret(current));
        }
        let secrets = TenantSecrets::new(secrets);
        Ok(Some(match tenant {
            Some(tenant) => secrets.named(tenant.name),
            None => secrets,
        }))
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}
