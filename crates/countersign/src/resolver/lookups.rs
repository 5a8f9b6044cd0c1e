//! What was looked up, and the look-ups that are under way.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::flights::{Flight, Flights};
use super::known::Known;
use super::name::NameFrom;
use super::{ResolvedSecrets, TenantSecrets};
use crate::endpoint::{Endpoint, Mismatches};
use crate::error::ConfigError;
use crate::receiver::CatchUnwind;
use crate::report::metrics::LookupMetrics;
use crate::request_head::RequestHead;
use crate::trace;

/// After a look-up that failed, until the next one for secrets that are usable still.
const PAUSE: Duration = Duration::from_secs(5);

/// The secrets of an endpoint's tenants, as far as they are known.
pub(crate) struct Lookups {
    from: NameFrom,
    /// Where a delivery names its key.
    key_id: Option<NameFrom>,
    pub(super) settings: ResolvedSecrets,
    known: Cache<Box<str>, Arc<Known>>,
    /// Names that are not known, and until when that holds.
    unknown: Cache<Box<str>, Duration>,
    pub(super) flights: Flights,
    permits: Permits,
    nobody: OnceLock<Endpoint>,
    pub(super) failures: Mismatches,
    /// Deliveries whose look-up did not come to its turn.
    pub(super) waited: Mismatches,
    metrics: LookupMetrics,
}

#[derive(Clone)]
pub(super) enum Answer {
    Known(Arc<Known>),
    Unknown,
    /// Nobody can say.
    Failed,
}

/// How many look-ups run at once. Names that were found have a queue of their own: a flood of others would
/// keep their secrets from being looked up again until they are too old to be used.
struct Permits {
    of_tenants: Arc<Semaphore>,
    of_strangers: Arc<Semaphore>,
}

impl Permits {
    fn new(concurrent: usize) -> Self {
        let permits = || Arc::new(Semaphore::new(concurrent.min(Semaphore::MAX_PERMITS)));
        Self { of_tenants: permits(), of_strangers: permits() }
    }
}

/// The end of a look-up.
pub(super) struct Asked {
    pub(super) answer: Answer,
    /// Whether the one that asked began it.
    pub(super) is_new: bool,
}

/// What is known without a look-up.
pub(super) enum Cached {
    Answer(Answer),
    /// These can be used, and it is this delivery's turn to look them up again.
    Old(Arc<Known>),
    Nothing,
}

/// What a delivery can do that matches none of the secrets that it was held against.
pub(super) enum Again {
    /// Others have been found since.
    Found,
    LookUp,
}

impl Lookups {
    pub(crate) fn new(settings: ResolvedSecrets) -> Result<Self, ConfigError> {
        let (from, key_id, settings) = settings.checked()?;
        Ok(Self {
            from,
            key_id,
            known: Cache::new(settings.capacity),
            unknown: Cache::new(settings.capacity),
            flights: Flights::default(),
            permits: Permits::new(settings.concurrent),
            nobody: OnceLock::new(),
            failures: Mismatches::default(),
            waited: Mismatches::default(),
            metrics: LookupMetrics::default(),
            settings,
        })
    }

    /// From now on the metrics have them.
    pub(crate) fn show(&self, endpoint: &Endpoint) {
        self.metrics.begin(endpoint);
    }

    /// The tenant's name in this head.
    pub(super) fn name(&self, head: &(impl RequestHead + ?Sized)) -> Option<Box<str>> {
        self.from.read(head)
    }

    /// The key that this head names.
    pub(super) fn key_id(&self, head: &(impl RequestHead + ?Sized)) -> Option<Box<str>> {
        self.key_id.as_ref()?.read(head)
    }

    /// Whether deliveries are of tenants.
    pub(super) fn has_tenants(&self) -> bool {
        !matches!(self.from, NameFrom::All)
    }

    pub(super) fn cached(&self, name: &str, now: Duration) -> Cached {
        if let Some(known) = self.known.get(name) {
            let age = now.saturating_sub(known.at);
            let usable = age < self.settings.usable_for.max(self.settings.fresh_for);
            return match known.turn(now, PAUSE.max(self.settings.timeout)) {
                false if usable => Cached::Answer(Answer::Known(known)),
                true if usable => Cached::Old(known),
                _ => Cached::Nothing,
            };
        }
        match self.unknown.get(name) {
            Some(until) if now < until => Cached::Answer(Answer::Unknown),
            _ => Cached::Nothing,
        }
    }

    /// Whether there may be other secrets than these; `None` if they were looked up lately.
    pub(super) fn again(&self, name: &str, used: &Arc<Known>, now: Duration) -> Option<Again> {
        if self.known.get(name).is_some_and(|known| !Arc::ptr_eq(&known, used)) {
            return Some(Again::Found);
        }
        let under_way = self.flights.has(name);
        let due = used.may_be_old(now, self.settings.again_after);
        (under_way || due).then_some(Again::LookUp)
    }

    /// The endpoint of those that are not known.
    pub(super) fn nobody(&self, endpoint: &Endpoint) -> Endpoint {
        let make = || {
            let mut random = [0; 32];
            // What proves with this key is refused all the same, so it is only for its cost.
            let _ = getrandom::fill(&mut random);
            endpoint.of_nobody(&random)
        };
        self.nobody.get_or_init(make).clone()
    }

    /// Forgets what is known of a tenant.
    pub(crate) fn forget(&self, name: &str) {
        // A look-up that is under way may have read what was changed since: its answer is not kept.
        self.flights.end(name, || {
            self.known.remove(name);
            self.unknown.remove(name);
        });
    }

    /// Waits until this name may be looked up.
    pub(super) async fn permit(&self, name: &str) -> Option<OwnedSemaphorePermit> {
        let Permits { of_tenants, of_strangers } = &self.permits;
        let permits = if self.known.peek(name).is_some() { of_tenants } else { of_strangers };
        Arc::clone(permits).acquire_owned().await.ok()
    }

    /// Asks the resolver, and keeps its answer.
    pub(super) async fn look_up(
        &self,
        endpoint: &Endpoint,
        name: &str,
        flight: &Arc<Flight>,
    ) -> Answer {
        let now = endpoint.monotonic();
        let found = CatchUnwind::new(|| self.settings.resolver.resolve(name)).await;
        let problem = match found {
            Ok(Ok(Some(found))) if !found.secrets.is_empty() => {
                match self.keep(endpoint, name, flight, found, now) {
                    Ok(known) => {
                        self.metrics.known(endpoint);
                        return Answer::Known(known);
                    }
                    Err(error) => error.to_string(),
                }
            }
            Ok(Ok(_)) => {
                self.metrics.unknown(endpoint);
                let until = now.saturating_add(self.settings.unknown_for);
                self.flights.unless_ended(name, flight, || {
                    self.known.remove(name);
                    self.unknown.insert(name.into(), until);
                });
                return Answer::Unknown;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the resolver panicked".to_owned(),
        };
        self.failed(endpoint, name, &problem);
        Answer::Failed
    }

    /// Counts a look-up that failed, and says so from time to time. For a while there is no other one for each
    /// delivery that matches nothing.
    pub(super) fn failed(&self, endpoint: &Endpoint, name: &str, problem: &str) {
        let now = endpoint.monotonic();
        if let Some(known) = self.known.peek(name) {
            known.pause(now, PAUSE.min(self.settings.again_after));
        }
        self.metrics.failed(endpoint);
        if let Some(count) = self.failures.note(now) {
            trace::secrets_not_resolved(endpoint, count, problem);
        }
    }

    fn keep(
        &self,
        endpoint: &Endpoint,
        name: &str,
        flight: &Arc<Flight>,
        found: TenantSecrets,
        now: Duration,
    ) -> Result<Arc<Known>, ConfigError> {
        let tenant = self.has_tenants().then(|| found.name.unwrap_or_else(|| name.into()));
        let names_keys = self.key_id.is_some();
        let times = (now, self.settings.fresh_for);
        let known = Known::new(endpoint, tenant.as_deref(), &found.secrets, names_keys, times)?;
        let known = Arc::new(known);
        self.flights.unless_ended(name, flight, || {
            self.unknown.remove(name);
            self.known.insert(name.into(), Arc::clone(&known));
        });
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::*;
    use crate::catalogue;
    use crate::resolver::ResolveError;

    /// What a look-up read before a tenant was forgotten may be what was changed since.
    #[test]
    fn a_look_up_that_began_before_a_tenant_was_forgotten_is_not_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(forgotten_while_it_is_looked_up());
    }

    async fn forgotten_while_it_is_looked_up() {
        let (asked, was_asked) = oneshot::channel();
        let (go_on, gate) = oneshot::channel();
        let once = Mutex::new(Some((asked, gate)));
        let secrets = ResolvedSecrets::by_path("/{tenant}", move |_: String| {
            let once = once.lock().unwrap().take();
            async move {
                if let Some((asked, gate)) = once {
                    asked.send(()).unwrap();
                    let _: Result<(), _> = gate.await;
                }
                Ok::<_, ResolveError>(None)
            }
        });
        let github = catalogue::provider("github").unwrap();
        let endpoint = Endpoint::builder("github", github).resolve(secrets).build().unwrap();
        let lookups = Arc::clone(endpoint.lookups().unwrap());
        let under_way =
            tokio::spawn(Arc::clone(&lookups).ask(endpoint.clone(), "acme".into(), None));
        was_asked.await.unwrap();

        endpoint.forget_secrets_of("acme");
        go_on.send(()).unwrap();
        assert!(matches!(under_way.await.unwrap().answer, Answer::Unknown));
        assert!(matches!(lookups.cached("acme", endpoint.monotonic()), Cached::Nothing));
        assert!(!lookups.flights.has("acme"));

        let asked_anew = Arc::clone(&lookups).ask(endpoint.clone(), "acme".into(), None).await;
        assert!(matches!(asked_anew.answer, Answer::Unknown));
        assert!(matches!(lookups.cached("acme", endpoint.monotonic()), Cached::Answer(_)));
    }
}
