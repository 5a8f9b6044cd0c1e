//! Whether a delivery is genuine with some things undone.

use std::rc::Rc;

use super::change::Change;
use super::legacy::Plain;
use super::request::Head;
use super::urls::Url;
use crate::endpoint::Endpoint;
use crate::provider::{Item, Provider, TimeSource};
use crate::request_head::RequestHead as _;
use crate::secret::Secret;
use crate::signing::Signer;

/// Everything but the body.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) provider: Provider,
    pub(super) endpoint: Endpoint,
    pub(super) secret: Secret,
    pub(super) head: Rc<Head>,
    pub(super) url: Option<Rc<Url>>,
    pub(super) test: Test,
    pub(super) changes: Vec<Change>,
}

/// How a delivery is judged.
#[derive(Clone)]
pub(super) enum Test {
    /// As the endpoint judges it.
    Verify,
    /// What is shown in this header is the beginning of a right signature.
    Begins { header: String, shown: Vec<u8> },
    /// By an older way of the provider's that is no MAC.
    Plain(Plain),
}

impl Setting {
    /// Whether the proof holds over this body. The time is not judged.
    pub(super) fn holds(&self, body: &[u8]) -> bool {
        match &self.test {
            Test::Verify => self.endpoint.verify(&*self.head, body).is_ok(),
            Test::Begins { header, shown } => self.begins(header, shown, body),
            Test::Plain(plain) => plain.holds(&self.head, self.url.as_deref(), &self.secret, body),
        }
    }

    fn begins(&self, header: &str, shown: &[u8], body: &[u8]) -> bool {
        let mut signer = Signer::new(&self.provider, &self.secret).method(&self.head.method);
        if let Some(url) = &self.url {
            signer = signer.url(&url.origin(), &self.head.target);
        }
        for (name, value) in &self.head.headers {
            // What the signer makes itself, it makes of the same texts.
            if let Ok(value) = std::str::from_utf8(value) {
                signer = signer.header(name, value);
            }
        }
        if let Some(time) = self.time_text() {
            signer = signer.at_text(&time);
        }
        if let Some(id) = &self.provider.spec().id_header
            && let crate::Lookup::One(id) = self.head.lookup(id.as_str())
        {
            signer = signer.id(&String::from_utf8_lossy(id));
        }
        let Ok(signed) = signer.try_sign(body) else { return false };
        let made = signed.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(header));
        made.is_some_and(|(_, made)| {
            let list = self.provider.spec().scheme.signature().and_then(|signature| signature.list);
            let made = made.as_bytes();
            let begins = |made: &[u8]| made.len() > shown.len() && made.starts_with(shown);
            match list {
                Some(list) => list.items(made).any(begins),
                None => begins(made),
            }
        })
    }

    /// The time's text in its header.
    fn time_text(&self) -> Option<String> {
        let Some(TimeSource::Header { time, .. }) = &self.provider.spec().time else {
            return None;
        };
        let values = self.head.values(time.name.as_str());
        let value = values.first()?;
        let text = match &time.item {
            None => value,
            Some(Item::First(separators)) => separators.items(value).next()?,
            Some(Item::Prefixed(separators, prefix)) => {
                separators.items(value).find_map(|item| item.strip_prefix(prefix.as_bytes()))?
            }
        };
        Some(String::from_utf8_lossy(text).into_owned())
    }
}
