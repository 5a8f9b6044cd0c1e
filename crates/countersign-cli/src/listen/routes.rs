//! From a request to its endpoint, through the layer, to what handles it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use countersign::{Delivery, DynStore, HandlerTasks, Report};
use countersign_tower::{ProvenBody, ResponseBody, WebhookLayer};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::handling::{Handling, Work};
use super::mount::{Current, Mount};
use crate::metrics::{Measured, Registry};
use crate::record::{Copied, Recording, Watchers};
use crate::serve::Place;

/// How long the rest of a body is read that a refusal left unread, where somebody looks at it.
const REST: Duration = Duration::from_secs(2);

/// How many bodies that were refused by their headers are read to their end at a time: anybody may send
/// some.
const RESTS: usize = 64;

/// In a request's extensions: it repeats another one, and whoever sends it wants to know what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct ReplayOf {
    /// The number of the one that is repeated.
    pub(crate) number: u64,
    /// Gets the recording of this one.
    pub(crate) recording: Arc<OnceLock<Recording>>,
}

/// What the layer makes of a handler's answer.
type Answer = Response<ResponseBody<Body>>;

/// All endpoints, and what handles their events. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Routes(Arc<Shared>);

struct Shared {
    mounts: HashMap<String, Arc<Mount>>,
    /// In the order in which they were given.
    listed: Vec<Arc<Mount>>,
    store: Arc<dyn DynStore>,
    tasks: HandlerTasks,
    handling: Handling,
    watchers: Watchers,
    rests: Semaphore,
    registry: Option<Registry>,
}

impl Routes {
    /// An error is a sentence: two endpoints have the same name or path.
    pub(crate) fn new(
        listed: Vec<Mount>,
        store: Arc<dyn DynStore>,
        tasks: HandlerTasks,
        handling: Handling,
        watchers: Watchers,
        registry: Option<Registry>,
    ) -> Result<Self, String> {
        let listed: Vec<_> = listed.into_iter().map(Arc::new).collect();
        let mut mounts = HashMap::new();
        for (nth, mount) in listed.iter().enumerate() {
            if !mount.path.starts_with('/') || mount.path.contains(['?', '#']) {
                return Err(format!(
                    "the path of the endpoint {} is `{}`; give one such as /webhooks/{}",
                    mount.name, mount.path, mount.name
                ));
            }
            if listed.iter().take(nth).any(|other| other.name == mount.name) {
                return Err(format!(
                    "two endpoints are named {}: give one another name",
                    mount.name
                ));
            }
            if let Some(other) = mounts.insert(mount.path.clone(), Arc::clone(mount)) {
                return Err(format!(
                    "the endpoints {} and {} have the same path {}: give one another path",
                    other.name, mount.name, mount.path
                ));
            }
        }
        if let Some(registry) = &registry {
            // Each series is there before the first request.
            metrics::with_local_recorder(registry, || {
                for mount in &listed {
                    mount.current().receiver(&store);
                }
            });
        }
        let rests = Semaphore::new(RESTS);
        let shared = Shared { mounts, listed, store, tasks, handling, watchers, rests, registry };
        Ok(Self(Arc::new(shared)))
    }

    pub(crate) fn mounts(&self) -> &[Arc<Mount>] {
        &self.0.listed
    }

    pub(crate) fn mount(&self, name: &str) -> Option<&Arc<Mount>> {
        self.0.listed.iter().find(|mount| &*mount.name == name)
    }

    pub(crate) fn handling(&self) -> &Handling {
        &self.0.handling
    }

    pub(crate) fn watchers(&self) -> &Watchers {
        &self.0.watchers
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let Some(mount) = self.0.mounts.get(request.uri().path()) else {
            return self.not_found(request);
        };
        let current = mount.current();
        let (mut head, mut body) = request.into_parts();
        let mut copied = None;
        if self.0.watchers.whole_requests {
            let (copy, copying) = Copied::of(body, current.endpoint.max_body());
            (copied, body) = (Some(copy), copying);
        }
        let replay_of = head.extensions.remove::<ReplayOf>();
        let number = replay_of.as_ref().map(|replay| replay.number);
        let recording = Recording::new(&self.0.watchers, &head, copied, number);
        recording.is_for(&mount.name, &mount.provider);
        if let Some(replay) = replay_of {
            let _ = replay.recording.set(recording.clone());
        }
        let request = Request::from_parts(head, body);
        let Ok(answer) = self.pass(mount, &current, &recording, request).await;
        // A sender that is refused before its body is read may still be sending it.
        if let Ok(_permit) = self.0.rests.try_acquire() {
            let _ = timeout(REST, recording.read_rest()).await;
        }
        self.0.handling.is_over(&current, &recording);
        answer.map(Body::new)
    }

    /// Through a layer of its own for each request: what it reports is then known to be of this one.
    fn pass(
        &self,
        mount: &Arc<Mount>,
        current: &Current,
        recording: &Recording,
        request: Request<Body>,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>> {
        let lease = current.endpoint.lease();
        let replay_of = recording.replay_of();
        let (shared, of_report) = (Arc::clone(&self.0), recording.clone());
        let of_mount = Arc::clone(mount);
        let observer = move |report: &Report<'_>| {
            let record = of_report.ended(report);
            let by = shared.handling.by(&of_mount);
            shared.handling.ended(by, &record, report);
            of_report.publish();
        };
        let receiver = current.receiver(&self.0.store).clone().observed_by(Arc::new(observer));
        let layer = WebhookLayer::from_receiver(receiver).tasks(&self.0.tasks);
        let (shared, mount, recording) =
            (Arc::clone(&self.0), Arc::clone(mount), recording.clone());
        let handler = service_fn(move |mut request: Request<ProvenBody>| {
            let work = Work {
                content_type: content_type(&request),
                place: request.extensions_mut().remove::<Place>(),
                recording: recording.clone(),
                lease,
                replay_of,
            };
            let delivery = request.extensions_mut().remove::<Delivery>();
            let (shared, mount) = (Arc::clone(&shared), Arc::clone(&mount));
            async move {
                let Some(delivery) = delivery else {
                    return Ok::<_, Infallible>(StatusCode::INTERNAL_SERVER_ERROR.into_response());
                };
                delivery.mark_taken();
                work.recording.is_worked_on(&delivery);
                let by = shared.handling.by(&mount);
                Ok(shared.handling.handle(by, &delivery, work).await.into_response())
            }
        });
        let answer = layer.layer(handler).oneshot(request);
        Box::pin(Measured::new(answer, self.0.registry.clone()))
    }

    fn not_found(&self, request: Request<Body>) -> Response<Body> {
        let (head, _) = request.into_parts();
        let recording = Recording::new(&self.0.watchers, &head, None, None);
        let near = self.near(head.uri.path());
        recording.is_not_found(match near {
            Some(path) => format!("No endpoint has this path; is it {path}?"),
            None => "No endpoint has this path.".to_owned(),
        });
        self.0.handling.not_found(&recording.now());
        StatusCode::NOT_FOUND.into_response()
    }

    /// The path that a mistyped one may mean.
    fn near(&self, path: &str) -> Option<&str> {
        let paths = self.0.listed.iter().map(|mount| &*mount.path);
        let near = paths.map(|known| (strsim::jaro_winkler(known, path), known));
        let near = near.filter(|(likeness, _)| *likeness > 0.8);
        near.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, path)| path)
    }
}

fn content_type<B>(request: &Request<B>) -> Option<HeaderValue> {
    request.headers().get(CONTENT_TYPE).cloned()
}
