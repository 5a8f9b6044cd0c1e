//! Sample events of the catalogue's providers, for [`Sender::event`](super::Sender::event).
//!
//! They are samples and no reference: each has the usual fields of its event, and the provider may send
//! more. Where the documentation of one of the five typed providers shows no body for an event, the sample
//! has what it shows for others. Ids and times are new each time, so that a sample is a new event;
//! everything else is made up.
//!
//! ```
//! use countersign::signing::samples;
//!
//! assert!(samples::events("stripe").contains(&"invoice.paid"));
//! assert!(samples::providers().any(|id| id == "slack"));
//! ```

mod read;

pub(super) use read::Sample;

/// The providers' ids, and the file with their samples. The form of a file is explained in `read`.
const FILES: &[(&[&str], &str)] = &[
    (&["clerk"], include_str!("clerk.txt")),
    (&["discord"], include_str!("discord.txt")),
    (&["discord-events"], include_str!("discord-events.txt")),
    (&["github"], include_str!("github.txt")),
    (&["gitlab", "gitlab-signed"], include_str!("gitlab.txt")),
    (&["hostwares"], include_str!("hostwares.txt")),
    (&["hubspot"], include_str!("hubspot.txt")),
    (&["intercom"], include_str!("intercom.txt")),
    (&["line"], include_str!("line.txt")),
    (&["linear"], include_str!("linear.txt")),
    (&["meta"], include_str!("meta.txt")),
    (&["paddle"], include_str!("paddle.txt")),
    (&["pakyas"], include_str!("pakyas.txt")),
    (&["percher"], include_str!("percher.txt")),
    (&["pingara"], include_str!("pingara.txt")),
    (&["piora"], include_str!("piora.txt")),
    (&["razorpay"], include_str!("razorpay.txt")),
    (&["resend"], include_str!("resend.txt")),
    (&["sendgrid"], include_str!("sendgrid.txt")),
    (&["shopify", "shopify-events"], include_str!("shopify.txt")),
    (&["slack"], include_str!("slack.txt")),
    (&["square"], include_str!("square.txt")),
    (
        &["standard-webhooks", "standard-webhooks-v1a", "svix"],
        include_str!("standard-webhooks.txt"),
    ),
    (&["stripe"], include_str!("stripe.txt")),
    (&["twilio", "twilio-shared-key"], include_str!("twilio.txt")),
    (&["vercel"], include_str!("vercel.txt")),
    (&["zoom"], include_str!("zoom.txt")),
];

/// The names of the samples that there are of a provider; none if there are no samples of it. The
/// provider is named as in [`Provider::name`](crate::Provider::name).
#[must_use]
pub fn events(provider: &str) -> Vec<&'static str> {
    file(provider).map(read::names).unwrap_or_default()
}

/// The providers of which there are samples.
pub fn providers() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|(ids, _)| ids.iter().copied())
}

fn file(provider: &str) -> Option<&'static str> {
    FILES.iter().find(|(ids, _)| ids.contains(&provider)).map(|(_, text)| *text)
}
