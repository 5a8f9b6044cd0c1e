//! Refusing a provider that cannot keep what it promises.

use super::builder::{Id, ProviderBuilder};
use super::families::{Families, OtherPrefix};
use super::timestamp::Place;
use super::unverified::ClaimHeaders;
use super::{HeaderTime, KeySpec, Provider, Spec, TimeSource, Timestamp};
use crate::envelope::{ITEM, Paths, Slot};
use crate::error::ConfigError;
use crate::handshake::Handshakes;
use crate::known_name::KnownName;
use crate::request_head::normalize_name;
use crate::scheme::Scheme;
use crate::scheme::content::{Part, SignedContent};
use crate::window::TimeFormat;

impl ProviderBuilder {
    /// Checks the provider and makes it.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the setting and how to fix it.
    pub fn build(self) -> Result<Provider, ConfigError> {
        if let Some((first, second)) = self.set_twice {
            return Err(ConfigError::SetTwice { first, second });
        }
        let content = match &self.content {
            Some(parts) => SignedContent::new(parts)?,
            None => SignedContent::body_only(),
        };
        let time_header = match &self.time {
            Some(Timestamp { place: Place::Header { name, .. }, .. }) => {
                Some(header_name("timestamp", name)?)
            }
            _ => None,
        };
        let id_header = match &self.id {
            Some(Id::Header(name)) => Some(header_name("event_id_header", name)?),
            _ => None,
        };
        let scheme = self.scheme(content, time_header.as_ref(), id_header.as_ref())?;

        let bodies = self.bodies.clone().checked(&scheme.content)?;

        let mut paths = Paths::default();
        let mut slot = |field: &'static str, path: &str| {
            bodies.check_path(field, path)?;
            paths.add(path).ok_or_else(|| ConfigError::InvalidPath { field, path: path.to_owned() })
        };
        let time = match &self.time {
            None => None,
            Some(timestamp) => {
                let fields = match &timestamp.place {
                    Place::Header { .. } => &[][..],
                    Place::Body { paths } => paths,
                };
                let slots = fields.iter().map(|path| {
                    not_in_array("timestamp", path)?;
                    slot("timestamp", path)
                });
                let touches = scheme.content.time_touches();
                Some(timestamp.source(slots.collect::<Result<_, _>>()?, time_header, touches))
            }
        };
        let event_type = match &self.event_type {
            None => None,
            Some((path, required)) => {
                if *required {
                    not_in_array("event_type", path)?;
                }
                Some(slot("event_type", path)?)
            }
        };
        let id = match &self.id {
            Some(Id::Field(path)) => Some(slot("event_id", path)?),
            _ => None,
        };
        let add = |path: &str| slot("handshake", path);
        let mut handshakes = Handshakes::new(self.handshakes.clone(), &scheme, add)?;
        let mut slots = |field, paths: &[Box<str>]| {
            paths.iter().map(|path| slot(field, path)).collect::<Result<Box<[Slot]>, _>>()
        };
        let required = slots("key_fields", &self.key_fields)?;
        let optional = slots("optional_key_fields", &self.optional_key_fields)?;
        let key = match &self.id {
            _ if !required.is_empty() => KeySpec::Fields { required, optional },
            _ if !optional.is_empty() => return Err(ConfigError::OnlyOptionalKeyFields),
            Some(_) => KeySpec::Id,
            None => KeySpec::Content,
        };
        let new_each_time = time.as_ref().is_some_and(|time| {
            // A time in the body makes another body each time.
            let is_in_key = match time {
                TimeSource::Header { .. } => scheme.content.signs_time() && !self.key_by_body,
                TimeSource::Body { .. } => true,
            };
            time.is_per_delivery() && is_in_key
        });
        let retried = self.retries.horizon().is_some();
        if matches!(key, KeySpec::Content) && retried && new_each_time {
            return Err(ConfigError::RetriesLookNew);
        }
        if self.key_by_body && scheme.content.body_may_move() {
            return Err(ConfigError::BodyIsNoKey);
        }
        let required_time = match &self.required_time {
            None => None,
            Some(name) => Some(HeaderTime {
                name: header_name("require_unsigned_timestamp_header", name)?,
                item: None,
                format: TimeFormat::Detect,
                one_length: false,
            }),
        };
        let unverified = self.unverified.checked()?;
        let families = self.families(
            &scheme,
            &[
                time_header_name(time.as_ref()),
                id_header.as_ref().map(KnownName::as_str),
                required_time.as_ref().map(|time| time.name.as_str()),
            ],
            unverified.as_ref(),
        )?;
        if let Some(families) = &families {
            handshakes.or_proofs(families.other_proofs());
        }
        Ok(Provider(std::sync::Arc::new(Spec {
            name: self.name,
            scheme,
            time,
            required_time,
            id_header,
            families,
            paths,
            event_type,
            event_type_required: self.event_type.is_some_and(|(_, required)| required),
            id,
            key,
            key_by_body: self.key_by_body,
            unverified,
            forgets: self.forgets,
            window: self.window,
            bodies,
            handshakes,
            retries: self.retries,
            answer_within: self.answer_within,
            final_on_4xx: self.final_on_4xx,
        })))
    }

    /// The scheme, with every header that claims to be signed really in the signed content.
    fn scheme(
        &self,
        content: SignedContent,
        time_header: Option<&KnownName>,
        id_header: Option<&KnownName>,
    ) -> Result<Scheme, ConfigError> {
        if self.proofs.is_empty() {
            return Err(ConfigError::NoProof);
        }
        let mut scheme = Scheme { proofs: self.proofs.clone().into(), content };
        let signs = |part| scheme.covers_content() && scheme.content.contains(&part);
        let signs_time = scheme.covers_content() && scheme.content.signs_time();
        match time_header {
            Some(header) if !signs_time && !self.time_may_be_unsigned => {
                return Err(ConfigError::TimestampNotSigned { header: header.as_str().to_owned() });
            }
            None if scheme.content.contains(&Part::Timestamp) => {
                return Err(ConfigError::PartWithoutHeader {
                    part: "Part::Timestamp",
                    method: "timestamp(Timestamp::header(…))",
                });
            }
            _ => {}
        }
        match id_header {
            Some(header) if !signs(Part::Id) => {
                return Err(ConfigError::IdNotSigned { header: header.as_str().to_owned() });
            }
            None if scheme.content.contains(&Part::Id) => {
                return Err(ConfigError::PartWithoutHeader {
                    part: "Part::Id",
                    method: "event_id_header(…)",
                });
            }
            _ => {}
        }
        let fixed = self.time.as_ref().is_some_and(|time| time.format != TimeFormat::Detect);
        if scheme.content.is_ambiguous(fixed) {
            return Err(ConfigError::AmbiguousSignedContent);
        }
        if self.content.is_some() && !scheme.covers_content() {
            return Err(ConfigError::SignedContentWithoutMac);
        }
        for proof in &mut scheme.proofs {
            let method = proof.method();
            for name in proof.headers_mut() {
                *name = header_name(method, name.as_str())?;
            }
        }
        Ok(scheme)
    }

    /// The further families of the headers that are read.
    fn families(
        &self,
        scheme: &Scheme,
        names: &[Option<&str>],
        unverified: Option<&ClaimHeaders>,
    ) -> Result<Option<Families>, ConfigError> {
        let proofs: Box<[KnownName]> =
            scheme.proofs.iter().flat_map(|proof| proof.headers()).cloned().collect();
        if let (Some(OtherPrefix { usual, .. }), Some(token)) =
            (self.other_prefixes.first(), scheme.secret_headers().next())
        {
            let (header, prefix) = (token.to_owned(), usual.to_string());
            return Err(ConfigError::HeaderOutsideFamily { header, prefix });
        }
        let claimed = unverified.into_iter().flat_map(ClaimHeaders::names);
        let names = names.iter().flatten().copied().chain(claimed).chain(scheme.content.headers());
        let mut all: Vec<_> = proofs.iter().map(KnownName::as_str).collect();
        for name in names {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Families::new(&self.other_prefixes, &all, proofs.clone())
    }
}

/// What every delivery must have cannot be in an array, which may have several items.
fn not_in_array(field: &'static str, path: &str) -> Result<(), ConfigError> {
    match path.split('.').any(|step| step == ITEM) {
        true => Err(ConfigError::ItemOfArray { field, path: path.to_owned() }),
        false => Ok(()),
    }
}

pub(super) fn header_name(field: &'static str, name: &str) -> Result<KnownName, ConfigError> {
    let name_in_lower_case = normalize_name(name).map(KnownName::new);
    name_in_lower_case
        .ok_or_else(|| ConfigError::InvalidHeaderName { field, name: name.to_owned() })
}

fn time_header_name(time: Option<&TimeSource>) -> Option<&str> {
    match time? {
        TimeSource::Header { time, .. } => Some(time.name.as_str()),
        TimeSource::Body { .. } => None,
    }
}
