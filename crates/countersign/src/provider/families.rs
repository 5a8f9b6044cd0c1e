//! Providers that name their headers in one of several ways.

use super::build::header_name;
use crate::error::ConfigError;
use crate::known_name::KnownName;
use crate::rejection::RejectionKind;
use crate::request_head::{Lookup, RequestHead};
use crate::scheme::Refused;

/// A prefix of header names, and another that all of them may have instead.
#[derive(Clone, Debug)]
pub(super) struct OtherPrefix {
    pub(super) usual: Box<str>,
    pub(super) other: Box<str>,
}

/// The families of a provider's headers besides the one that it is configured with. A request is read
/// in one of them.
#[derive(Debug)]
pub(crate) struct Families {
    /// The headers that carry a proof.
    proofs: Box<[KnownName]>,
    others: Box<[Family]>,
}

/// Usual names, and what they are in this family.
#[derive(Debug)]
struct Family(Box<[(Box<str>, KnownName)]>);

impl Family {
    fn name<'n>(&'n self, usual: &'n str) -> &'n str {
        self.other(usual).map_or(usual, KnownName::as_str)
    }

    fn known<'n>(&'n self, usual: &'n KnownName) -> &'n KnownName {
        self.other(usual.as_str()).unwrap_or(usual)
    }

    fn other(&self, usual: &str) -> Option<&KnownName> {
        self.0.iter().find_map(|(name, other)| (**name == *usual).then_some(other))
    }
}

impl Families {
    /// `names` are all headers that are read of the provider, and `proofs` those of its signatures.
    pub(super) fn new(
        prefixes: &[OtherPrefix],
        names: &[&str],
        proofs: Box<[KnownName]>,
    ) -> Result<Option<Self>, ConfigError> {
        const FIELD: &str = "or_header_prefix";
        let mut families: Vec<Family> = Vec::new();
        for OtherPrefix { usual, other } in prefixes {
            let (usual, other) = (header_name(FIELD, usual)?, header_name(FIELD, other)?);
            let mut family = Vec::new();
            for name in names {
                let renamed = name
                    .strip_prefix(usual.as_str())
                    .map(|rest| format!("{}{rest}", other.as_str()));
                // One that has the same name in two families would be of both.
                let is_new = |renamed: &String| {
                    let earlier = families.iter().map(|family| family.name(name));
                    let mut taken = names.iter().copied().chain(earlier);
                    !taken.any(|name| name == renamed)
                };
                match renamed.filter(is_new) {
                    Some(renamed) => {
                        family.push(((*name).into(), KnownName::new(renamed)));
                    }
                    None => {
                        let (header, prefix) = ((*name).to_owned(), usual.as_str().to_owned());
                        return Err(ConfigError::HeaderOutsideFamily { header, prefix });
                    }
                }
            }
            families.push(Family(family.into()));
        }
        let others = families.into_boxed_slice();
        Ok((!others.is_empty()).then_some(Self { proofs, others }))
    }

    /// The names of the proof's headers in the further families.
    pub(crate) fn other_proofs(&self) -> impl Iterator<Item = &str> + Clone {
        let names = self.proofs.iter().map(KnownName::as_str);
        self.others.iter().flat_map(move |family| names.clone().map(|name| family.name(name)))
    }

    /// The request in the family whose proof it carries. One that carries the proofs of two is refused:
    /// which of them the sender meant is not ours to guess.
    pub(crate) fn read<'h, H: RequestHead + ?Sized>(
        &'h self,
        head: &'h H,
    ) -> Result<InFamily<'h, H>, Refused<'h>> {
        let shows = |name: &KnownName| head.lookup_known(name) != Lookup::Missing;
        let usual = self.proofs.iter().any(shows);
        let mut others = self
            .others
            .iter()
            .filter(|family| self.proofs.iter().any(|name| shows(family.known(name))));
        let family = others.next();
        if family.is_some() && (usual || others.next().is_some()) {
            let header = self.proofs.first().map(KnownName::as_str);
            return Err(Refused { kind: RejectionKind::SignatureRepeated, header });
        }
        Ok(InFamily { head, family })
    }
}

/// A request whose headers are found under their usual names, and only those of one family.
pub(crate) struct InFamily<'h, H: ?Sized> {
    head: &'h H,
    family: Option<&'h Family>,
}

impl<'h, H: RequestHead + ?Sized> InFamily<'h, H> {
    /// A request whose headers have their usual names.
    #[inline]
    pub(crate) fn usual(head: &'h H) -> Self {
        Self { head, family: None }
    }
}

impl<H: RequestHead + ?Sized> RequestHead for InFamily<'_, H> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        self.head.lookup(self.family.map_or(name, |family| family.name(name)))
    }

    #[inline(always)]
    fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
        self.head.lookup_known(self.family.map_or(name, |family| family.known(name)))
    }

    fn method(&self) -> &str {
        self.head.method()
    }

    fn target(&self) -> &str {
        self.head.target()
    }
}
