//! The name of a tenant or of a key in a request's head.

use std::sync::Arc;

use crate::error::ConfigError;
use crate::known_name::KnownName;
use crate::request_head::{Lookup, RequestHead, normalize_name};

/// A longer name is not accepted.
const LONGEST: usize = 128;

/// What takes a name from a head.
pub(super) type FromHead = Arc<dyn Fn(&dyn RequestHead) -> Option<String> + Send + Sync>;

/// Where a name is.
#[derive(Clone)]
pub(super) enum NameFrom {
    /// Nowhere: the secrets are for all deliveries.
    All,
    /// In the path, between these two.
    Path {
        before: Box<str>,
        after: Box<str>,
    },
    Header(KnownName),
    Host,
    Head(FromHead),
}

impl NameFrom {
    /// From a pattern such as `/webhooks/{tenant}/github`.
    pub(super) fn path(pattern: &str) -> Result<Self, ConfigError> {
        let invalid = || ConfigError::InvalidTenantPath { pattern: pattern.to_owned() };
        let (before, after) = pattern.split_once("{tenant}").ok_or_else(invalid)?;
        let has_more = |part: &str| part.contains(['{', '}', '*', '?', '#']);
        let is_segment = before.ends_with('/') && (after.is_empty() || after.starts_with('/'));
        if !before.starts_with('/') || !is_segment || has_more(before) || has_more(after) {
            return Err(invalid());
        }
        Ok(Self::Path { before: before.into(), after: after.into() })
    }

    /// `field` is the setting that asks for it.
    pub(super) fn header(field: &'static str, name: &str) -> Result<Self, ConfigError> {
        let normal = normalize_name(name)
            .ok_or_else(|| ConfigError::InvalidHeaderName { field, name: name.to_owned() })?;
        Ok(Self::Header(KnownName::new(&*normal)))
    }

    /// The name. `None` if there is none, or one that nobody has.
    pub(super) fn read(&self, head: &(impl RequestHead + ?Sized)) -> Option<Box<str>> {
        let name: Box<str> = match self {
            Self::All => return Some(Box::default()),
            Self::Path { before, after } => in_path(head.target(), before, after)?.into(),
            Self::Header(header) => match head.lookup_known(header) {
                Lookup::One(value) => std::str::from_utf8(value).ok()?.into(),
                Lookup::Missing | Lookup::Repeated => return None,
            },
            Self::Host => host(head)?,
            Self::Head(read) => read(&head)?.into(),
        };
        let legal = name.len() <= LONGEST && name.bytes().all(|byte| byte.is_ascii_graphic());
        (legal && !name.is_empty()).then_some(name)
    }
}

/// One segment of the path. One with `%` in it is not accepted, because the same name could be written
/// in several ways.
fn in_path<'t>(target: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let path = target.split(['?', '#']).next()?;
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.contains(['/', '%'])).then_some(name)
}

/// The host in small letters, without a port and without a dot at its end.
fn host(head: &(impl RequestHead + ?Sized)) -> Option<Box<str>> {
    let host = match (head.authority(), head.lookup("host")) {
        (Some(authority), _) => authority,
        (None, Lookup::One(host)) => std::str::from_utf8(host).ok()?,
        (None, Lookup::Missing | Lookup::Repeated) => return None,
    };
    // `user:password@host` is no host, and must not be taken for the one that is before the colon.
    if host.contains('@') {
        return None;
    }
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_head::HeadParts;

    fn name(from: &NameFrom, target: &str, headers: &[(&str, &str)]) -> Option<String> {
        let head = HeadParts { method: "POST", target, headers };
        from.read(&head).map(String::from)
    }

    #[test]
    fn a_segment_of_the_path() {
        let from = NameFrom::path("/hooks/{tenant}/github").unwrap();
        let of = |target: &str| name(&from, target, &[]);
        assert_eq!(of("/hooks/acme/github"), Some("acme".to_owned()));
        assert_eq!(of("/hooks/acme/github?a=/hooks/b/github"), Some("acme".to_owned()));
        for none in [
            "/hooks/acme/gitlab",
            "/hooks//github",
            "/hooks/a/b/github",
            "/hooks/%61cme/github",
            "/hooks/github",
            "/HOOKS/acme/github",
            "/hooks/acme/github/",
            "",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(of(&format!("/hooks/{}/github", "a".repeat(129))), None);
        let last = NameFrom::path("/hooks/{tenant}").unwrap();
        assert_eq!(name(&last, "/hooks/acme", &[]), Some("acme".to_owned()));
    }

    #[test]
    fn a_pattern_has_one_whole_segment() {
        for wrong in [
            "",
            "/hooks",
            "hooks/{tenant}",
            "/x{tenant}",
            "/{tenant}x",
            "/{tenant}/{id}",
            "/{*tenant}",
        ] {
            assert!(NameFrom::path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_one_name_however_it_is_written() {
        for written in ["acme.example", "ACME.example:8443", "acme.example."] {
            let found = name(&NameFrom::Host, "/", &[("host", written)]);
            assert_eq!(found.as_deref(), Some("acme.example"), "{written}");
        }
        assert_eq!(name(&NameFrom::Host, "/", &[("host", "a"), ("host", "b")]), None);
        for user in ["acme.example:password@evil", "acme.example@evil"] {
            assert_eq!(name(&NameFrom::Host, "/", &[("host", user)]), None, "{user}");
        }
    }

    #[test]
    fn a_header_that_is_there_once() {
        let from = NameFrom::header("by_header", "X-Tenant").unwrap();
        assert_eq!(name(&from, "/", &[("x-tenant", "acme")]), Some("acme".to_owned()));
        assert_eq!(name(&from, "/", &[("x-tenant", "a"), ("x-tenant", "b")]), None);
        assert_eq!(name(&from, "/", &[("x-tenant", "a b")]), None);
    }
}
