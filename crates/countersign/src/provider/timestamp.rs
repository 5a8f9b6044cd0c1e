//! Where a provider puts its time.

use crate::headers::{Headers, Lookup};
use crate::rejection::RejectionKind;
use crate::scheme::content::Text;
use crate::scheme::hmac::list_items;
use crate::window::{MAX_TIME_LENGTH, TimeFormat, UnixMillis};

/// Where a delivery's time is and what it tells, for
/// [`ProviderBuilder::timestamp`](crate::ProviderBuilder::timestamp).
#[derive(Clone, Debug)]
pub struct Timestamp {
    pub(crate) place: Place,
    pub(crate) format: TimeFormat,
    per_delivery: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Header { name: Box<str>, item: Option<(char, Box<str>)> },
    Body { paths: Vec<Box<str>> },
}

impl Timestamp {
    /// The time is a header's value. Such a time is taken to be fresh in every delivery.
    #[must_use]
    pub fn header(name: &str) -> Self {
        Self::at(Place::Header { name: name.into(), item: None }, true)
    }

    /// The time is one item of a list header, after `prefix`: Stripe's
    /// `Stripe-Signature: t=1716477000,v1=…` is
    /// `Timestamp::header_item("Stripe-Signature", ',', "t=")`.
    #[must_use]
    pub fn header_item(name: &str, separator: char, prefix: &str) -> Self {
        Self::at(Place::Header { name: name.into(), item: Some((separator, prefix.into())) }, true)
    }

    /// The time is a field of the JSON body, named by its path: `timestamp`,
    /// `alert.triggered_at`. Such a time is taken to be the event's own, which stays the same
    /// when the delivery is retried.
    #[must_use]
    pub fn body(path: &str) -> Self {
        Self::at(Place::Body { paths: vec![path.into()] }, false)
    }

    /// The field to look at when those before it are missing. Only for a time in the body.
    #[must_use]
    pub fn or_body(mut self, path: &str) -> Self {
        if let Place::Body { paths } = &mut self.place {
            paths.push(path.into());
        }
        self
    }

    /// How the time is written. Defaults to [`TimeFormat::Detect`].
    #[must_use]
    pub fn format(mut self, format: TimeFormat) -> Self {
        self.format = format;
        self
    }

    /// Every delivery has a time of its own: a retry is as fresh as a first delivery.
    #[must_use]
    pub fn per_delivery(mut self) -> Self {
        self.per_delivery = true;
        self
    }

    /// The time is the event's own: a retry has the time of the first delivery.
    #[must_use]
    pub fn per_event(mut self) -> Self {
        self.per_delivery = false;
        self
    }

    fn at(place: Place, per_delivery: bool) -> Self {
        Self { place, format: TimeFormat::Detect, per_delivery }
    }

    pub(crate) fn source(&self, slots: Box<[usize]>, header: Option<Box<str>>) -> TimeSource {
        let format = self.format;
        match &self.place {
            Place::Header { item, .. } => TimeSource::Header {
                time: HeaderTime { name: header.unwrap_or_default(), item: item.clone(), format },
                per_delivery: self.per_delivery,
            },
            Place::Body { .. } => {
                TimeSource::Body { slots, format, per_delivery: self.per_delivery }
            }
        }
    }
}

/// A checked [`Timestamp`].
#[derive(Clone, Debug)]
pub(crate) enum TimeSource {
    Header { time: HeaderTime, per_delivery: bool },
    Body { slots: Box<[usize]>, format: TimeFormat, per_delivery: bool },
}

impl TimeSource {
    pub(crate) fn is_per_delivery(&self) -> bool {
        match self {
            Self::Header { per_delivery, .. } | Self::Body { per_delivery, .. } => *per_delivery,
        }
    }
}

/// A time in a header.
#[derive(Clone, Debug)]
pub(crate) struct HeaderTime {
    pub(crate) name: Box<str>,
    pub(crate) item: Option<(char, Box<str>)>,
    pub(crate) format: TimeFormat,
}

impl HeaderTime {
    /// Reads the time and keeps its bytes as sent, which are what the MAC covers.
    pub(crate) fn read(
        &self,
        headers: &(impl Headers + ?Sized),
    ) -> Result<(UnixMillis, Text<MAX_TIME_LENGTH>), RejectionKind> {
        let value = match headers.lookup(&self.name) {
            Lookup::Missing => return Err(RejectionKind::TimestampMissing),
            Lookup::Repeated => return Err(RejectionKind::TimestampMalformed),
            Lookup::One(value) => value,
        };
        let text = match &self.item {
            None => value,
            Some((separator, prefix)) => {
                let mut items = list_items(value, *separator)
                    .filter_map(|item| item.strip_prefix(prefix.as_bytes()));
                match (items.next(), items.next()) {
                    (None, _) => return Err(RejectionKind::TimestampMissing),
                    (Some(text), None) => text,
                    (Some(_), Some(_)) => return Err(RejectionKind::TimestampMalformed),
                }
            }
        };
        let read = || Some((self.format.read(text)?, Text::new(text)?));
        read().ok_or(RejectionKind::TimestampMalformed)
    }
}
