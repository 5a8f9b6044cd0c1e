//! The header forms (hex, base64, lists of either, times) against simple readers of the same:
//! what is malformed, what is a candidate, what the time is.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::{
    Delivery, Endpoint, Part, Provider, RejectionKind, Secret, Signature, TimeFormat, Timestamp,
    Window,
};
use countersign_fuzz::{clock, mac, receive, time};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "secret";
const BODY: &[u8] = b"body";
const PREFIX: &str = "v1=";

#[derive(Clone, Copy)]
struct Form {
    base64: bool,
    separator: Option<char>,
}

const FORMS: [Form; 6] = [
    Form { base64: false, separator: None },
    Form { base64: true, separator: None },
    Form { base64: false, separator: Some(',') },
    Form { base64: true, separator: Some(' ') },
    Form { base64: true, separator: Some(',') },
    Form { base64: false, separator: Some('=') },
];

static SIGNED: LazyLock<[Endpoint; 6]> = LazyLock::new(|| {
    FORMS.map(|form| {
        let mut signature = Signature::header("x-signature").prefix(PREFIX);
        if form.base64 {
            signature = signature.base64();
        }
        if let Some(separator) = form.separator {
            signature = signature.separator(separator);
        }
        endpoint(Provider::builder("signed").hmac_sha256(signature).build().expect("sound"), None)
    })
});

const FORMATS: [TimeFormat; 4] =
    [TimeFormat::Detect, TimeFormat::UnixSeconds, TimeFormat::UnixMillis, TimeFormat::Rfc3339];

/// For each format one with the widest window, and one with a window of five minutes.
static TIMED: LazyLock<[[Endpoint; 2]; 4]> = LazyLock::new(|| {
    FORMATS.map(|format| {
        let provider = Provider::builder("timed")
            .hmac_sha256(Signature::header("x-signature"))
            .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
            .timestamp(Timestamp::header("x-time").format(format))
            .build()
            .expect("a sound provider");
        [WIDEST, Window::new(MINUTES, MINUTES)]
            .map(|window| endpoint(provider.clone(), Some(window)))
    })
});

const MINUTES: Duration = Duration::from_secs(5 * 60);

/// The widest window that an endpoint takes.
const WIDEST: Window = Window::new(Duration::from_secs(366 * 86_400), Duration::from_secs(86_400));

fn endpoint(provider: Provider, window: Option<Window>) -> Endpoint {
    let secret = Secret::new(KEY).expect("not empty");
    let endpoint = Endpoint::builder("fuzzed", provider).secret(secret).clock(clock());
    match window {
        Some(window) => endpoint.window(window).retention(window.span()).build(),
        None => endpoint.build(),
    }
    .expect("a sound endpoint")
}

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Signature { form: u8, pieces: Vec<Piece<'a>> },
    Time { format: u8, text: &'a [u8] },
    Number { format: u8, number: i64 },
    Date { format: u8, fields: [u8; 6], year: u16, rest: &'a str },
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Prefix,
    Separator,
    Space,
    Good,
    GoodUpper,
    Mac([u8; 32]),
    Raw(&'a [u8]),
    /// Not a piece of its own: another byte somewhere in those before.
    Change(u8, u8),
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Signature { form, pieces } => check_signature(usize::from(form) % FORMS.len(), &pieces),
    Input::Time { format, text } => check_time(usize::from(format) % 4, text),
    Input::Number { format, number } => {
        check_time(usize::from(format) % 4, number.to_string().as_bytes());
    }
    Input::Date { format, fields: [month, day, hour, minute, second, t], year, rest } => {
        let t = ['T', 't', ' '][usize::from(t) % 3];
        let (year, month, day) = (year % 10_000, month % 14, day % 33);
        let (hour, minute, second) = (hour % 26, minute % 62, second % 62);
        let text =
            format!("{year:04}-{month:02}-{day:02}{t}{hour:02}:{minute:02}:{second:02}{rest}");
        check_time(usize::from(format) % 4, text.as_bytes());
    }
});

fn check_signature(which: usize, pieces: &[Piece<'_>]) {
    let (form, endpoint) = (FORMS[which], &SIGNED[which]);
    let good = mac(KEY.as_bytes(), &[BODY]);
    let encode = |mac: &[u8]| match form.base64 {
        true => STANDARD.encode(mac),
        false => hex::encode(mac),
    };
    let mut value = Vec::new();
    for piece in pieces.iter().take(64) {
        match piece {
            Piece::Prefix => value.extend(PREFIX.bytes()),
            Piece::Separator => value.push(form.separator.unwrap_or(',') as u8),
            Piece::Space => value.push(b' '),
            Piece::Good => value.extend(encode(&good).bytes()),
            Piece::GoodUpper => value.extend(encode(&good).to_ascii_uppercase().bytes()),
            Piece::Mac(mac) => value.extend(encode(mac).bytes()),
            Piece::Raw(bytes) => value.extend_from_slice(bytes),
            Piece::Change(back, with) => {
                if let Some(byte) = value.iter_mut().rev().nth(usize::from(*back)) {
                    *byte = *with;
                }
            }
        }
    }
    let decode = |item: &[u8]| -> Option<Vec<u8>> {
        let text = item.strip_prefix(PREFIX.as_bytes())?;
        let bytes = if form.base64 { STANDARD.decode(text).ok() } else { hex::decode(text).ok() };
        bytes.filter(|bytes| bytes.len() == 32)
    };
    let candidates: Vec<Vec<u8>> = match form.separator {
        None => decode(&value).into_iter().collect(),
        Some(separator) => {
            let items = value.split(|byte| *byte == separator as u8);
            items.map(<[u8]>::trim_ascii).filter_map(decode).collect()
        }
    };
    let answer = receive(endpoint, &[("x-signature", &value)], vec![Bytes::from_static(BODY)]);
    match answer.map_err(|rejection| rejection.kind()) {
        Ok(_) => assert!(candidates.iter().any(|candidate| *candidate == good)),
        Err(RejectionKind::SignatureMalformed) => assert!(candidates.is_empty()),
        Err(kind) => {
            assert_eq!(kind, RejectionKind::SignatureMismatch);
            assert!(!candidates.is_empty() && candidates.iter().all(|other| *other != good));
        }
    }
}

fn check_time(which: usize, text: &[u8]) {
    // RFC 3339 has leap seconds; the simple reader has not.
    if text.windows(3).any(|window| window == b":60") {
        return;
    }
    let model = time::read(FORMATS[which], text).filter(|_| text.len() <= 40);
    let [widest, narrow] = &TIMED[which];
    match (send(widest, text), model) {
        (Ok(delivery), Some(millis)) => {
            let read = delivery.time().map(|time| time.unix_timestamp_nanos());
            // `OffsetDateTime` ends with the year 9999.
            let shown = (-377_705_116_800_000..=253_402_300_799_999).contains(&millis);
            assert_eq!(read, shown.then_some(i128::from(millis) * 1_000_000));
        }
        (Err(kind), None) => assert_eq!(kind, RejectionKind::TimestampMalformed),
        (Err(kind), Some(millis)) => assert_eq!(Err(kind), judged(millis, &WIDEST)),
        (answer, model) => {
            panic!("{:?}: {model:?}, {:?}", String::from_utf8_lossy(text), answer.map(|_| ()));
        }
    }
    let Some(millis) = model else { return };
    assert_eq!(send(narrow, text).map(|_| ()), judged(millis, &Window::new(MINUTES, MINUTES)));
}

fn judged(millis: i64, window: &Window) -> Result<(), RejectionKind> {
    let age = i128::from(countersign_fuzz::NOW) * 1000 - i128::from(millis);
    let tolerance = |tolerance: Duration| tolerance.as_millis() as i128;
    match age {
        age if age > tolerance(window.past) => Err(RejectionKind::Stale),
        age if -age > tolerance(window.future) => Err(RejectionKind::InTheFuture),
        _ => Ok(()),
    }
}

fn send(endpoint: &Endpoint, time: &[u8]) -> Result<Delivery, RejectionKind> {
    let signature = hex::encode(mac(KEY.as_bytes(), &[time, b".", BODY]));
    let headers = [("x-signature", signature.as_bytes()), ("x-time", time)];
    receive(endpoint, &headers, vec![Bytes::from_static(BODY)]).map_err(|error| error.kind())
}
