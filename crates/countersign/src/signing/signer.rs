//! The headers that a provider would send.

use std::time::SystemTime;

use super::SignError;
use super::fresh::write_time;
use crate::clock::{Clock as _, SystemClock};
use crate::provider::{HeaderTime, Item, Provider, TimeSource};
use crate::request_head::HeadParts;
use crate::scheme::{Context, LONGEST_ID, Texts};
use crate::secret::Secret;
use crate::window::{MAX_TIME_LENGTH, TimeFormat};

/// Makes the headers that a provider would send. Where a provider has no header for something
/// that was set, that has no effect; a time in the body is the body's to hold.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    provider: &'a Provider,
    secret: &'a Secret,
    time: String,
    id: String,
    method: String,
    public_url: String,
    target: String,
    more: Vec<(String, String)>,
}

impl<'a> Signer<'a> {
    /// A signer with this secret, at the present time.
    #[must_use]
    pub fn new(provider: &'a Provider, secret: &'a Secret) -> Self {
        let signer = Self {
            provider,
            secret,
            time: String::new(),
            id: "evt_test".to_owned(),
            method: "POST".to_owned(),
            public_url: String::new(),
            target: "/".to_owned(),
            more: Vec::new(),
        };
        signer.at(SystemClock.now())
    }

    /// The time for the provider's time header, in the format that the provider has there; in
    /// unix seconds where it may be any.
    #[must_use]
    pub fn at(self, time: SystemTime) -> Self {
        let format = self.time_header().map_or(TimeFormat::UnixSeconds, |header| header.format);
        // One that cannot be written is refused like one that is too long.
        let text = write_time(time, format).unwrap_or_else(|| "9".repeat(MAX_TIME_LENGTH + 1));
        self.at_text(&text)
    }

    /// The time header's text as it is, well formed or not.
    #[must_use]
    pub fn at_text(mut self, time: &str) -> Self {
        time.clone_into(&mut self.time);
        self
    }

    /// The id for the provider's id header. Defaults to `evt_test`.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// The URL that the provider sends to: the endpoint's
    /// [`public_url`](crate::EndpointBuilder::public_url), and the path with the query. For providers
    /// that sign them.
    #[must_use]
    pub fn url(mut self, public_url: &str, target: &str) -> Self {
        public_url.clone_into(&mut self.public_url);
        target.clone_into(&mut self.target);
        self
    }

    /// The method. Defaults to `POST`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// A further header of the delivery, which is signed where the provider signs it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The headers for this body.
    ///
    /// # Errors
    ///
    /// [`SignError`], where the secret is not of the provider's kind, where an id or a time is longer
    /// than a delivery may have it, or where a header is missing that the provider signs.
    pub fn try_sign(&self, body: impl AsRef<[u8]>) -> Result<Vec<(String, String)>, SignError> {
        let spec = self.provider.spec();
        let (scheme, body) = (&spec.scheme, body.as_ref());
        let mut headers = self.more.clone();
        let mut time_item = None;
        if let Some(time) = self.time_header() {
            match &time.item {
                None => headers.push((time.name.as_str().to_owned(), self.time.clone())),
                Some(Item::Prefixed(separators, prefix)) => {
                    time_item = Some((
                        time.name.as_str(),
                        separators.item,
                        format!("{prefix}{}", self.time),
                    ));
                }
                Some(Item::First(separators)) => {
                    time_item = Some((time.name.as_str(), separators.item, self.time.clone()));
                }
            }
        }
        if let Some(name) = &spec.id_header {
            headers.push((name.as_str().to_owned(), self.id.clone()));
        }
        let mut texts = Texts::default();
        if !texts.keep(self.time.as_bytes(), self.id.as_bytes()) {
            return Err(SignError::new(format!(
                "the id has more than {LONGEST_ID} bytes, or the time more than {MAX_TIME_LENGTH}"
            )));
        }
        let context = Context {
            public_url: &self.public_url,
            signature: scheme.signature(),
            time_header: None,
        };
        let head = HeadParts { method: &self.method, target: &self.target, headers: &headers };
        scheme
            .content
            .keep_pieces(&head, &context, &mut texts)
            .map_err(|_| self.piece_missing())?;
        let (name, mut proof) = scheme.sign(self.secret, &texts, body).ok_or_else(|| {
            SignError::new(format!(
                "the secret is not of the kind that {} signs with: {}",
                self.provider.name(),
                scheme.signing_secret(),
            ))
        })?;
        match time_item {
            Some((header, separator, item)) if *header == *name => {
                proof = format!("{item}{separator}{proof}");
            }
            Some((header, _, item)) => headers.push((header.to_owned(), item)),
            None => {}
        }
        headers.push((name, proof));
        Ok(headers)
    }

    /// The same for tests that know that it can be signed.
    ///
    /// # Panics
    ///
    /// Where [`try_sign`](Self::try_sign) has an error.
    #[must_use]
    pub fn sign(&self, body: impl AsRef<[u8]>) -> Vec<(String, String)> {
        match self.try_sign(body) {
            Ok(headers) => headers,
            Err(error) => panic!("{error}"),
        }
    }

    fn piece_missing(&self) -> SignError {
        let content = &self.provider.spec().scheme.content;
        let given = |name: &str| self.more.iter().any(|(more, _)| more.eq_ignore_ascii_case(name));
        let what = match content.headers().find(|name| !given(name)) {
            Some(header) => format!("the header {header} is missing"),
            None if content.needs_public_url() => {
                "the URL is missing, or has characters that no URL has".to_owned()
            }
            None => "a part of the request is missing or malformed".to_owned(),
        };
        SignError::new(format!("{} signs more than the body: {what}", self.provider.name()))
    }

    fn time_header(&self) -> Option<&'a HeaderTime> {
        let spec = self.provider.spec();
        match &spec.time {
            Some(TimeSource::Header { time, .. }) => Some(time),
            _ => spec.required_time.as_ref(),
        }
    }
}

/// The SHA-256 of a body as hex digits, which some providers put into the URL.
#[must_use]
pub fn sha256_hex(body: &[u8]) -> String {
    use sha2::Digest as _;
    crate::encoding::hex(&sha2::Sha256::digest(body))
}
