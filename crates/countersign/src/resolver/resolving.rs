//! The secrets of one delivery.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::known::Known;
use super::lookups::{Again, Answer, Asked, Cached, Lookups};
use crate::endpoint::Endpoint;
use crate::rejection::RejectionKind;
use crate::request_head::RequestHead;
use crate::runtime::Runtime;
use crate::verifier::Incoming;

/// A delivery that asks for its secrets.
pub(crate) struct Resolving {
    lookups: Arc<Lookups>,
    endpoint: Endpoint,
    runtime: Option<Runtime>,
    /// The tenant's name, if the head has one.
    name: Option<Box<str>>,
    /// The key that it names.
    key_id: Option<Box<str>>,
    stage: Stage,
    /// What it is proven with; nothing if its secrets are nobody's.
    used: Option<Arc<Known>>,
    /// Whether it has waited for a look-up that did not begin before it came.
    asked: bool,
    /// Whether the secrets were looked up again, because the delivery does not match those that were there.
    again: bool,
    /// Whether that was a look-up that another delivery began.
    joined: bool,
    /// Whether they were not, because that has just failed.
    is_paused: bool,
    /// Whether the body is all there.
    has_body: bool,
}

enum Stage {
    New,
    Asking(Pin<Box<dyn Future<Output = Asked> + Send>>),
    Chosen,
}

impl Resolving {
    pub(crate) fn new(
        lookups: &Arc<Lookups>,
        endpoint: &Endpoint,
        head: &(impl RequestHead + ?Sized),
        runtime: Option<Runtime>,
    ) -> Box<Self> {
        Box::new(Self {
            name: lookups.name(head),
            key_id: lookups.key_id(head),
            lookups: Arc::clone(lookups),
            endpoint: endpoint.clone(),
            runtime,
            stage: Stage::New,
            used: None,
            asked: false,
            again: false,
            joined: false,
            is_paused: false,
            has_body: false,
        })
    }

    /// Before the body is read: gives the delivery its secrets.
    pub(crate) fn poll_secrets(
        &mut self,
        cx: &mut Context<'_>,
        incoming: &mut Incoming,
    ) -> Poll<Result<(), RejectionKind>> {
        loop {
            let answer = match &mut self.stage {
                Stage::Chosen => return Poll::Ready(Ok(())),
                Stage::New => {
                    let now = self.endpoint.monotonic();
                    match self.name.as_deref().map(|name| self.lookups.cached(name, now)) {
                        None => Answer::Unknown,
                        Some(Cached::Answer(answer)) => answer,
                        Some(Cached::Old(known)) => {
                            self.used = Some(known);
                            self.ask();
                            continue;
                        }
                        Some(Cached::Nothing) => {
                            self.ask();
                            continue;
                        }
                    }
                }
                Stage::Asking(asked) => {
                    let Asked { answer, is_new } = ready!(asked.as_mut().poll(cx));
                    // One that failed does not say which keys there are.
                    self.asked |= is_new && !matches!(answer, Answer::Failed);
                    if !is_new && self.again && !self.joined {
                        // It may have begun before the secrets were changed: one more is possible.
                        (self.joined, self.again) = (true, false);
                    }
                    answer
                }
            };
            let known = match (answer, self.used.take()) {
                (Answer::Known(known), _) if self.can_use(&known) => Some(known),
                // There is no such key now. Without a look-up it may be one of which nobody here has heard yet.
                (Answer::Known(_), _) if self.asked => None,
                (Answer::Known(known), _) => {
                    self.used = Some(known);
                    if self.ask_again() {
                        continue;
                    }
                    return Poll::Ready(Err(RejectionKind::SecretsUnavailable));
                }
                // What was there before the look-up can be used if that failed, but not if it is what
                // the delivery does not match.
                (Answer::Failed, Some(known)) if !self.again && self.can_use(&known) => Some(known),
                (Answer::Failed, _) => {
                    return Poll::Ready(Err(RejectionKind::SecretsUnavailable));
                }
                (Answer::Unknown, _) => None,
            };
            self.stage = Stage::Chosen;
            let Err(kind) = self.choose(known, incoming) else { return Poll::Ready(Ok(())) };
            if self.is_held_against_named_key() || !self.ask_again() {
                return Poll::Ready(Err(self.refused(kind)));
            }
        }
    }

    /// When the body is there: which secret matches, with secrets that are looked up again if none does.
    pub(crate) fn poll_proof(
        &mut self,
        cx: &mut Context<'_>,
        incoming: &mut Incoming,
    ) -> Poll<Result<usize, RejectionKind>> {
        loop {
            if let Err(kind) = ready!(self.poll_secrets(cx, incoming)) {
                return Poll::Ready(Err(kind));
            }
            return Poll::Ready(match incoming.try_prove() {
                // What nobody has proves nothing, whatever it says.
                Ok(_) if self.used.is_none() => Err(RejectionKind::SignatureMismatch),
                // Another key has another name.
                Err(kind) if self.is_held_against_named_key() => Err(kind),
                Err(RejectionKind::SignatureMismatch) if self.ask_again() => continue,
                proven => proven.map_err(|kind| self.refused(kind)),
            });
        }
    }

    /// Whether the body is all there.
    pub(crate) fn has_body(&mut self) -> &mut bool {
        &mut self.has_body
    }

    fn choose(
        &mut self,
        known: Option<Arc<Known>>,
        incoming: &mut Incoming,
    ) -> Result<(), RejectionKind> {
        let endpoint = known.as_ref().and_then(|known| known.endpoint(self.key_id.as_deref()));
        let endpoint = endpoint.cloned().unwrap_or_else(|| self.lookups.nobody(&self.endpoint));
        self.used = known;
        incoming.with_secrets_of(endpoint)
    }

    /// Whether the key that the delivery names is among these.
    fn can_use(&self, known: &Known) -> bool {
        known.endpoint(self.key_id.as_deref()).is_some()
    }

    fn is_held_against_named_key(&self) -> bool {
        let id = self.key_id.as_deref();
        id.zip(self.used.as_ref()).is_some_and(|(id, known)| known.has(id))
    }

    /// Why it is refused that matches none of the secrets. It must come again if there may be others: the
    /// resolver fails, or keys have ids and it names another one than these, for which none were looked up.
    fn refused(&self, kind: RejectionKind) -> RejectionKind {
        let is_mismatch =
            matches!(kind, RejectionKind::SignatureMismatch | RejectionKind::TokenMismatch);
        let Some(known) = self.used.as_ref().filter(|_| is_mismatch) else { return kind };
        if self.is_held_against_named_key() {
            return kind;
        }
        let names_other = self.key_id.is_some() && known.has_ids() && !self.asked;
        if self.is_paused || names_other { RejectionKind::SecretsUnavailable } else { kind }
    }

    /// Looks the secrets up once more for a delivery that matches none of them, if it may.
    fn ask_again(&mut self) -> bool {
        let (false, Some(name), Some(used)) = (self.again, &self.name, &self.used) else {
            return false;
        };
        let now = self.endpoint.monotonic();
        match self.lookups.again(name, used, now) {
            None => {
                self.is_paused = used.is_paused(now);
                return false;
            }
            Some(Again::Found) => self.stage = Stage::New,
            Some(Again::LookUp) => self.ask(),
        }
        self.again = true;
        true
    }

    fn ask(&mut self) {
        let name = self.name.clone().unwrap_or_default();
        let lookups = Arc::clone(&self.lookups);
        let asked = lookups.ask(self.endpoint.clone(), name, self.runtime);
        self.stage = Stage::Asking(Box::pin(asked));
    }
}
