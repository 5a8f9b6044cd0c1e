//! Forms as the event, and forms that hold it as JSON.

use std::collections::BTreeMap;

use countersign::{Delivery, FromDelivery, Payload};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{delivered, encoded, event, hmac, mismatch, preset, send_as, sorted};

#[derive(Debug, Deserialize, PartialEq)]
struct Issues {
    action: String,
    issue: Issue,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Issue {
    number: u64,
    title: String,
}

/// A webhook of GitHub's has one of two content types; its handler need not know which.
#[test]
fn the_json_in_a_field_is_the_event() {
    let github = preset("github");
    let json = r#"{"action":"opened","issue":{"number":7,"title":"50 % + é & 🦀"}}"#;
    let form = format!("payload={}", encoded(json));
    let by_json = send_as(&github, "application/json", json).unwrap();
    let by_form = delivered(&github, &form);
    assert_eq!(event::<Issues>(&by_form), event::<Issues>(&by_json));
    assert_eq!(event::<Issues>(&by_form).issue.title, "50 % + é & 🦀");
    assert_eq!(by_form.json::<Value>().unwrap(), by_json.json::<Value>().unwrap());
    assert!(matches!(by_form.payload(), Payload::Json(bytes) if bytes == json));
    assert!(matches!(by_json.payload(), Payload::Json(bytes) if bytes == json));
    // The bytes are there as they were signed.
    assert_eq!(by_form.body(), form.as_bytes());
    assert_eq!(Delivery::from_delivery(&by_form).unwrap().body(), form.as_bytes());
    // Fields beside it are nobody's.
    let more = delivered(&github, format!("a=1&{form}&b=%ff"));
    assert_eq!(event::<Issues>(&more).issue.number, 7);
}

#[test]
fn what_is_wrong_with_the_json_in_a_field_is_said_of_the_field() {
    let github = preset("github");
    let delivery = delivered(&github, format!("payload={}", encoded(r#"{"action":"opened"}"#)));
    let said = mismatch::<Issues>(&delivery);
    assert!(said.contains("the JSON in the form field `payload`: missing field `issue`"), "{said}");
    let broken = delivered(&github, format!("payload={}", encoded(r#"{"action":"#)));
    assert!(
        mismatch::<Issues>(&broken).contains("`payload`: EOF"),
        "{}",
        mismatch::<Issues>(&broken)
    );
    assert!(broken.json::<Value>().is_err());
}

#[derive(Debug, Deserialize, PartialEq)]
struct SlashCommand {
    command: String,
    text: String,
    team_id: String,
    trigger_id: String,
    is_enterprise_install: bool,
    enterprise_id: Option<String>,
    count: u32,
}

/// Slack sends events as JSON, interactivity as JSON in a form, and commands as a form.
#[test]
fn slack_has_all_three() {
    let slack = preset("slack");
    let form = "token=x&team_id=T1&command=%2Fweather&text=caf%C3%A9+%F0%9F%8C%A7&trigger_id=1.2.3\
                &is_enterprise_install=false&enterprise_id=&count=7";
    let command = delivered(&slack, form);
    let expected = SlashCommand {
        command: "/weather".into(),
        text: "café 🌧".into(),
        team_id: "T1".into(),
        trigger_id: "1.2.3".into(),
        is_enterprise_install: false,
        enterprise_id: None,
        count: 7,
    };
    assert_eq!(event::<SlashCommand>(&command), expected);
    assert_eq!((command.event_type(), command.id()), (None, None));
    assert!(matches!(command.payload(), Payload::Form(bytes) if bytes == form));
    let said = command.json::<Value>().unwrap_err().to_string();
    assert!(said.contains("FromDelivery"), "{said}");

    let json = r#"{"type":"block_actions","trigger_id":"4.5.6","actions":[]}"#;
    let clicked = delivered(&slack, format!("payload={}", encoded(json)));
    assert_eq!((clicked.event_type(), clicked.id()), (Some("block_actions"), None));
    assert_eq!(event::<Value>(&clicked)["trigger_id"], "4.5.6");

    let json = r#"{"type":"event_callback","event_id":"Ev1"}"#;
    let happened = delivered(&slack, json);
    assert_eq!((happened.event_type(), happened.id()), (Some("event_callback"), Some("Ev1")));

    let keys = [command.key(), clicked.key(), happened.key()];
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[2] != keys[0]);
    assert_eq!(delivered(&slack, form).key(), command.key());
    assert_ne!(delivered(&slack, form.replace("1.2.3", "1.2.4")).key(), command.key());
}

#[test]
fn a_path_names_a_field_of_the_form() {
    let acme = hmac().form().event_type("event.kind").event_id("id").build().unwrap();
    let delivery = delivered(&acme, "event%2Ekind=paid&id=7&more=1");
    assert_eq!((delivery.event_type(), delivery.id()), (Some("paid"), Some("7")));
    // The id alone is the key.
    assert_eq!(delivered(&acme, "id=7&event.kind=paid").key(), delivery.key());
    assert_ne!(delivered(&acme, "id=8&event.kind=paid").key(), delivery.key());
    // An empty id names nothing: two such events are two.
    let key = |more: &str| delivered(&acme, format!("id=&event.kind=paid&n={more}")).key();
    assert_ne!(key("1"), key("2"));
}

#[test]
fn a_time_in_a_form_is_held_against_the_window() {
    use countersign::{RejectionKind, TimeFormat, Timestamp};
    let at = Timestamp::body("at").format(TimeFormat::UnixSeconds);
    let acme = hmac().form().timestamp(at).build().unwrap();
    let kind = |body: String| super::send(&acme, body).map(drop).map_err(|error| error.kind());
    let now = crate::support::NOW;
    assert_eq!(kind(format!("at={now}")), Ok(()));
    assert_eq!(kind(format!("at={}", now - 90_000)), Err(RejectionKind::Stale));
    assert_eq!(kind("at=soon".to_owned()), Err(RejectionKind::TimestampMalformed));
    assert_eq!(kind("a=1".to_owned()), Err(RejectionKind::TimestampMissing));
}

#[derive(Debug, Deserialize, PartialEq)]
struct Message {
    #[serde(rename = "MessageSid")]
    sid: String,
    #[serde(rename = "NumMedia", default)]
    media: u32,
    #[serde(rename = "FromZip")]
    zip: Option<u32>,
    #[serde(rename = "Price")]
    price: Option<f64>,
    #[serde(rename = "SmsStatus")]
    status: Option<Status>,
    #[serde(rename = "MediaUrl", default)]
    urls: Vec<String>,
    #[serde(flatten)]
    more: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Received,
    Sent,
}

#[test]
fn the_text_of_a_form_is_what_the_type_asks_for() {
    let twilio = sorted().build().unwrap();
    let form = "MessageSid=SM1&NumMedia=1&FromZip=&Price=-0.0075&SmsStatus=received\
                &MediaUrl=a&MediaUrl=b&Body=h%C3%A9llo+%26+bye&FromCity=";
    let message = Message {
        sid: "SM1".into(),
        media: 1,
        zip: None,
        price: Some(-0.0075),
        status: Some(Status::Received),
        urls: vec!["a".into(), "b".into()],
        more: [("Body", "héllo & bye"), ("FromCity", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    assert_eq!(event::<Message>(&delivered(&twilio, form)), message);
    let least = event::<Message>(&delivered(&twilio, "MessageSid=SM1"));
    assert_eq!((least.media, least.zip, least.status, least.urls.len()), (0, None, None, 0));

    // What is wrong is said of the field, and not with its value.
    for (form, said) in [
        ("MessageSid=SM1&NumMedia=one", "the form field `NumMedia`: it is not a `u32`"),
        ("MessageSid=SM1&NumMedia=", "the form field `NumMedia`: it is not a `u32`"),
        ("MessageSid=SM1&NumMedia=-1", "the form field `NumMedia`: it is not a `u32`"),
        ("MessageSid=SM1&NumMedia=4294967296", "the form field `NumMedia`: it is not a `u32`"),
        ("MessageSid=SM1&NumMedia=1&NumMedia=2", "`NumMedia`: it is there 2 times"),
        ("MessageSid=SM1&MessageSid=SM2", "the form field `MessageSid`"),
        ("MessageSid=SM1&SmsStatus=lost", "the form field `SmsStatus`: unknown variant"),
        ("NumMedia=1", "missing field `MessageSid`"),
    ] {
        let mismatch = mismatch::<Message>(&delivered(&twilio, form));
        assert!(mismatch.contains(said), "{mismatch}");
    }
}

#[test]
fn a_form_is_read_into_other_types_too() {
    let acme = hmac().form().build().unwrap();
    let delivery = delivered(&acme, "b=2&a=1&a=%ffx&c");
    let pairs = [("b", "2"), ("a", "1"), ("a", "\u{fffd}x"), ("c", "")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(event::<Vec<(String, String)>>(&delivery), pairs);
    assert_eq!(event::<Value>(&delivery), json!({ "a": ["1", "\u{fffd}x"], "b": "2", "c": "" }));
    // Of two values neither is chosen.
    assert!(mismatch::<BTreeMap<String, String>>(&delivery).contains("`a`"));
    #[derive(Deserialize)]
    struct Wrapped(BTreeMap<String, Vec<u8>>);
    assert_eq!(event::<Wrapped>(&delivered(&acme, "n=1&n=255")).0["n"], [1, 255]);
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Tagged {
        Paid { by: String },
    }
    let paid = event::<Tagged>(&delivered(&acme, "by=card&kind=paid"));
    assert_eq!(paid, Tagged::Paid { by: "card".into() });
    let () = event(&delivered(&acme, "a=1"));
    assert_eq!(event::<Option<Value>>(&delivered(&acme, "a=1")), Some(json!({ "a": "1" })));
    assert_eq!(event::<Value>(&delivered(&acme, "")), json!({}));
}

/// XML, say: nothing is read, and the bytes are there.
#[test]
fn what_is_neither_json_nor_a_form_is_for_the_handler_to_read() {
    let acme = hmac().not_only_json().optional_event_type("type").build().unwrap();
    let delivery = delivered(&acme, "<type>a</type>");
    assert_eq!(delivery.event_type(), None);
    assert!(matches!(delivery.payload(), Payload::Other(body) if body == "<type>a</type>"));
    assert!(mismatch::<Value>(&delivery).contains("neither JSON nor a form"));
    assert_eq!(delivered(&acme, r#"{"type":"a"}"#).event_type(), Some("a"));
}
