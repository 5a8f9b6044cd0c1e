//! The search: what has to be undone, and nothing less, so that the delivery is genuine.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;

use super::body::Bodies;
use super::cause::Cause;
use super::change::{Change, Variant, change};
use super::headers::{self, proof_headers};
use super::legacy::{self, Way};
use super::request::{Head, Request};
use super::secrets::{self, Reads};
use super::times;
use super::trial::{Setting, Test};
use super::urls::{self, Url};
use crate::catalogue;
use crate::endpoint::Endpoint;
use crate::known_name::KnownName;
use crate::provider::{Provider, TimeSource};
use crate::scheme::Proof;
use crate::secret::Secret;
use crate::window::UnixMillis;

/// More causes at once are not looked for: bodies that were written again have the most.
const MOST_CAUSES: usize = 4;

/// How much is tried with each number of causes. A trial over up to a kilobyte of body weighs one.
const MOST_TRIED: [usize; MOST_CAUSES + 1] = [usize::MAX, 1_000_000, 150_000, 160_000, 50_000];

/// The largest head, in bytes, of which more is tried than the given one: anybody may send a head of any
/// size, and what is tried grows with it. Real ones have a fraction of it.
const LARGEST_HEAD: usize = 8 * 1024;

/// The same for times that are guessed, of which there are thousands.
const LARGEST_GUESSED: usize = 2 * 1024;

/// More combinations are not made ready for one number of causes.
const MOST_SETTINGS: usize = 50_000;

/// A check of a public-key signature takes as long as so many MACs.
const WEIGHT_OF_PUBLIC_KEY: usize = 40;

/// What made a delivery genuine.
pub(super) struct Found {
    pub(super) setting: Setting,
    pub(super) body: Vec<u8>,
    pub(super) changes: Vec<Change>,
}

/// One delivery, and everything that may be undone of it.
pub(super) struct Search<'r> {
    pub(super) request: &'r Request,
    pub(super) provider: &'r Provider,
    pub(super) secrets: &'r [Secret],
    pub(super) head: Head,
    pub(super) url: Option<Url>,
    pub(super) now: UnixMillis,
}

impl Search<'_> {
    /// The fewest changes that make the delivery genuine.
    pub(super) fn run(&self) -> Option<Found> {
        let field = self.provider.spec().bodies.field.as_deref();
        let bodies = Bodies::of(&self.request.body, field);
        let mut by_cost = Vec::new();
        let takes_public_keys =
            self.provider.spec().scheme.proofs.iter().any(Proof::takes_public_keys);
        let weight = if takes_public_keys { WEIGHT_OF_PUBLIC_KEY } else { 1 };
        (0..).zip(MOST_TRIED).find_map(|(causes, most)| {
            by_cost.push(self.settings(causes, false));
            let mut left = 0;
            // The body alone first: it has the fewest combinations. What one leaves, the next may use.
            (0..=causes)
                .rev()
                .find_map(|of_body| {
                    let settings: &Vec<Setting> = by_cost.get(causes - of_body)?;
                    left += most / weight / (causes + 1);
                    self.tried(settings, &bodies, of_body, &mut left)
                })
                .or_else(|| {
                    // Too many to be tried with anything else but a secret.
                    let guessed = (1..=2).contains(&causes).then(|| self.settings(causes, true))?;
                    self.tried(&guessed, &bodies, 0, &mut (most / weight))
                })
        })
    }

    fn tried(
        &self,
        settings: &[Setting],
        bodies: &Bodies,
        of_body: usize,
        left: &mut usize,
    ) -> Option<Found> {
        if settings.is_empty() {
            return None;
        }
        let weigh = |body: &[u8]| 1 + body.len() / 1024;
        // Their hashes: the bodies themselves would take much memory.
        let (mut seen, hasher) = (HashSet::new(), RandomState::new());
        let mut found = None;
        let deep = settings.len() == 1;
        bodies.each(of_body, deep, &mut |body, changes| {
            let is_new = seen.insert(hasher.hash_one(body));
            for setting in settings.iter().filter(|_| is_new) {
                let Some(rest) = left.checked_sub(weigh(body)) else { return true };
                *left = rest;
                if setting.holds(body) {
                    let changes = [&*setting.changes, changes].concat();
                    found = Some(Found { setting: setting.clone(), body: body.to_vec(), changes });
                    return true;
                }
            }
            false
        });
        found
    }

    /// Everything but the body, with exactly so many changes. Four at once are of the body. With `guess`,
    /// only of a provider whose time is in a header, with the times that it may have been.
    fn settings(&self, cost: usize, guess: bool) -> Vec<Setting> {
        let has_time = matches!(self.provider.spec().time, Some(TimeSource::Header { .. }));
        if cost == MOST_CAUSES || guess && !has_time {
            return Vec::new();
        }
        let mut all = self.of_provider(self.provider, None, cost, guess);
        if guess {
            return all;
        }
        for legacy in legacy::of(self.provider) {
            let undone = change(Cause::HeaderLegacy, legacy.says);
            let Some(cost) = cost.checked_sub(1) else { continue };
            match &legacy.way {
                Way::Provider(provider) => {
                    all.extend(self.of_provider(provider, Some(&undone), cost, false))
                }
                Way::Plain(plain) => {
                    let settings = self.of_provider(self.provider, Some(&undone), cost, false);
                    all.extend(
                        settings
                            .into_iter()
                            .map(|setting| Setting { test: Test::Plain(*plain), ..setting }),
                    );
                }
            }
        }
        // Only the given delivery, or one more thing that is wrong with it.
        if let Some(cost) = cost.checked_sub(1).filter(|cost| *cost < 2) {
            for preset in catalogue::all().filter(|preset| preset.id() != self.provider.name()) {
                let provider = preset.provider();
                let shown = proof_headers(&provider);
                if !shown.iter().any(|name| !self.head.values(name).is_empty()) {
                    continue;
                }
                let says = format!(
                    "This is a genuine delivery of {}, and not of {}.",
                    preset.name(),
                    super::name_of(self.provider)
                );
                let undone = change(Cause::ProviderOther, says);
                all.extend(self.of_provider(&provider, Some(&undone), cost, false));
            }
        }
        all
    }

    /// The same for one provider.
    fn of_provider(
        &self,
        provider: &Provider,
        by: Option<&Change>,
        cost: usize,
        guess: bool,
    ) -> Vec<Setting> {
        let needs_url = provider.spec().scheme.content.needs_public_url();
        let secrets = secrets::variants(self.secrets, reads(provider), cost.min(2));
        let urls = match &self.url {
            Some(url) if needs_url => urls::variants(url, self.request, cost.min(3)),
            Some(url) => vec![Variant::given(url.clone())],
            None => Vec::new(),
        };
        let urls: Vec<Option<Variant<Url>>> = match urls.is_empty() {
            true => vec![None],
            false => urls.into_iter().map(Some).collect(),
        };
        // An older way has a header that the provider does not read.
        let head = match by {
            None => headers::read_only(&self.head, provider),
            Some(_) => self.head.clone(),
        };
        let size = head.size();
        if guess && size > LARGEST_GUESSED {
            return Vec::new();
        }
        let heads = if size > LARGEST_HEAD {
            vec![Variant::given(head)]
        } else {
            self.heads(&head, provider, cost, guess)
        };
        let mut all = Vec::new();
        for url in &urls {
            let of_url = url.as_ref().map_or(0, Variant::cost);
            let origin = url.as_ref().map(|url| url.value.origin());
            let target = url.as_ref().filter(|_| needs_url).map(|url| url.value.target());
            // One of each, which all that is tried with it shares.
            let heads: Vec<_> = heads
                .iter()
                .map(|head| {
                    let target = target.clone().unwrap_or_else(|| head.value.target.clone());
                    Variant {
                        value: Rc::new(Head { target, ..head.value.clone() }),
                        changes: head.changes.clone(),
                    }
                })
                .collect();
            for secret in secrets.iter().filter(|secret| secret.cost() + of_url <= cost) {
                let left = cost - secret.cost() - of_url;
                let Some(endpoint) = self.endpoint(provider, &secret.value, origin.as_deref())
                else {
                    continue;
                };
                let of_url = url.iter().flat_map(|url| &url.changes);
                let changes: Vec<Change> =
                    by.into_iter().chain(&secret.changes).chain(of_url).cloned().collect();
                let mut add = |head: &Rc<Head>, test: Test, more: &[Change]| {
                    if all.len() == MOST_SETTINGS {
                        return;
                    }
                    all.push(Setting {
                        provider: provider.clone(),
                        endpoint: endpoint.clone(),
                        secret: secret.value.clone(),
                        head: Rc::clone(head),
                        url: url.as_ref().map(|url| Rc::new(url.value.clone())),
                        test,
                        changes: changes.iter().chain(more).cloned().collect(),
                    });
                };
                for head in heads.iter().filter(|head| head.cost() == left) {
                    add(&head.value, Test::Verify, &head.changes);
                }
                let is_cut = size <= LARGEST_HEAD && by.is_none();
                let cut = heads.iter().filter(|head| is_cut && head.cost() + 1 == left);
                for head in cut {
                    for (test, undone) in cut_signatures(&head.value, provider) {
                        let more: Vec<_> = head.changes.iter().cloned().chain([undone]).collect();
                        add(&head.value, test, &more);
                    }
                }
            }
        }
        all
    }

    /// The heads with up to so many things undone.
    fn heads(
        &self,
        head: &Head,
        provider: &Provider,
        cost: usize,
        guess: bool,
    ) -> Vec<Variant<Head>> {
        let mut heads = Vec::new();
        for head in headers::variants(head, provider, cost.min(2)) {
            for timed in times::variants(&head.value, provider, self.now, guess) {
                let changes: Vec<_> = head.changes.iter().chain(&timed.changes).cloned().collect();
                if changes.len() <= cost {
                    heads.push(Variant { value: timed.value, changes });
                }
            }
        }
        heads
    }

    /// An endpoint that judges no time and no length.
    fn endpoint(
        &self,
        provider: &Provider,
        secret: &Secret,
        url: Option<&str>,
    ) -> Option<Endpoint> {
        let mut endpoint = Endpoint::builder("diagnosis", provider.clone())
            .secret(secret.clone())
            .methods([&self.request.method])
            .max_body(usize::MAX);
        if let Some(url) = url {
            endpoint = endpoint.public_url(url);
        }
        endpoint.build().ok().map(Endpoint::without_window)
    }
}

/// How the first proof reads its secret.
fn reads(provider: &Provider) -> Reads<'_> {
    provider.spec().scheme.proofs.first().map_or(Reads::Text, Proof::reads)
}

/// The signatures that may be the beginning of a right one.
fn cut_signatures(head: &Head, provider: &Provider) -> Vec<(Test, Change)> {
    /// Fewer characters could fit by chance.
    const LEAST: usize = 10;
    let mut all = Vec::new();
    let spec = provider.spec();
    for proof in spec.scheme.proofs.iter().filter(|proof| !proof.takes_public_keys()).take(1) {
        let (prefix, list) = match proof.signature() {
            Some(signature) => (signature.own_prefix(), signature.list),
            None => (proof.token_prefix(), None),
        };
        for name in proof.headers().iter().map(KnownName::as_str) {
            let values = head.values(name);
            let [value] = &*values else { continue };
            let items: Vec<&[u8]> = match list {
                Some(list) => list.items(value).take(headers::MOST_ITEMS).collect(),
                None => vec![value],
            };
            let cut = items.into_iter().filter(|item| {
                let bare = item.strip_prefix(prefix.as_bytes());
                bare.is_some_and(|bare| bare.len() >= LEAST)
            });
            for shown in cut {
                let length = shown.len() - prefix.len();
                let says = format!(
                    "The signature in {name} was cut after {length} characters; as far as it goes it \
                     is right."
                );
                let test = Test::Begins { header: name.to_owned(), shown: shown.to_vec() };
                all.push((test, change(Cause::HeaderTruncated, says)));
            }
        }
    }
    all
}
