//! Where a provider puts its time.

use crate::known_name::KnownName;
use crate::rejection::RejectionKind;
use crate::request_head::{Lookup, RequestHead};
use crate::scheme::Separators;
use crate::window::{MAX_TIME_LENGTH, TimeFormat, UnixMillis};

/// Where a delivery's time is, its format, and whether each retry has a new one, for
/// [`ProviderBuilder::timestamp`](crate::ProviderBuilder::timestamp).
#[derive(Clone, Debug)]
pub struct Timestamp {
    pub(crate) place: Place,
    pub(crate) format: TimeFormat,
    per_delivery: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Header { name: Box<str>, item: Option<Item> },
    Body { paths: Vec<Box<str>> },
}

/// Which item of a list header the time is.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// The one with this prefix. In a header of several groups each may have it, with the same time.
    Prefixed(Separators, Box<str>),
    /// The first.
    First(Separators),
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
        let separators = Separators { item: separator, group: None };
        let item = Some(Item::Prefixed(separators, prefix.into()));
        Self::at(Place::Header { name: name.into(), item }, true)
    }

    /// The time is the first item of a list header, without a prefix.
    #[must_use]
    pub fn first_item(name: &str, separator: char) -> Self {
        let item = Some(Item::First(Separators { item: separator, group: None }));
        Self::at(Place::Header { name: name.into(), item }, true)
    }

    /// The list header has several groups of items, which all name the same time. See
    /// [`Signature::group_separator`](crate::Signature::group_separator).
    #[must_use]
    pub fn group_separator(mut self, separator: char) -> Self {
        if let Place::Header {
            item: Some(Item::Prefixed(separators, _) | Item::First(separators)),
            ..
        } = &mut self.place
        {
            separators.group = Some(separator);
        }
        self
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

    /// `touches`: the time stands beside other signed parts with nothing between.
    pub(crate) fn source(
        &self,
        slots: Box<[usize]>,
        header: Option<KnownName>,
        touches: bool,
    ) -> TimeSource {
        let format = self.format;
        match &self.place {
            Place::Header { item, .. } => TimeSource::Header {
                time: HeaderTime {
                    name: header.unwrap_or_else(|| KnownName::new(String::new())),
                    item: item.clone(),
                    format,
                    one_length: touches,
                },
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
    pub(crate) name: KnownName,
    pub(crate) item: Option<Item>,
    pub(crate) format: TimeFormat,
    /// Numbers must have as many digits as the present time has: what stands beside the time could
    /// pass for digits of it.
    pub(crate) one_length: bool,
}

impl HeaderTime {
    /// Reads the time, with its bytes as sent, which are what the MAC covers.
    #[inline]
    pub(crate) fn read<'h>(
        &self,
        head: &'h (impl RequestHead + ?Sized),
    ) -> Result<(UnixMillis, &'h [u8]), RejectionKind> {
        let value = match head.lookup_known(&self.name) {
            Lookup::Missing => return Err(RejectionKind::TimestampMissing),
            Lookup::Repeated => return Err(RejectionKind::TimestampMalformed),
            Lookup::One(value) => value,
        };
        let text = match &self.item {
            None => value,
            Some(Item::First(separators)) => {
                separators.items(value).next().ok_or(RejectionKind::TimestampMissing)?
            }
            Some(Item::Prefixed(separators, prefix)) => {
                let mut items =
                    separators.items(value).filter_map(|item| item.strip_prefix(prefix.as_bytes()));
                let text = items.next().ok_or(RejectionKind::TimestampMissing)?;
                let same = separators.group.is_some();
                if items.any(|other| !same || other != text) {
                    return Err(RejectionKind::TimestampMalformed);
                }
                text
            }
        };
        let fits = !self.one_length || self.format.has_usual_length(text);
        let time = self.format.read(text).filter(|_| fits && text.len() <= MAX_TIME_LENGTH);
        time.map(|time| (time, text)).ok_or(RejectionKind::TimestampMalformed)
    }
}
