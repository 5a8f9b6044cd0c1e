//! The arguments of `countersign trigger`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::known::KnownArgs;

/// Send a sample event as a provider would, to try a receiver.
///
/// The request is signed with your secret and has what the provider sends besides. Ids and times are
/// new each time, so that each call is a new event. The answer is compared with what it should be: 2xx
/// for a genuine delivery, a refusal for a changed or a stale one.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub(crate) struct TriggerArgs {
    /// The provider, such as stripe; `countersign providers` lists them. Or one of --config FILE.
    #[arg(value_name = "PROVIDER", required_unless_present = "list")]
    pub(super) provider: Option<String>,

    /// The event, such as invoice.paid; --list shows them. Without it, the first one of the list.
    #[arg(value_name = "EVENT")]
    pub(super) event: Option<String>,

    /// Where to send it.
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub(super) to: Option<String>,

    /// Where the secret is: env:VARIABLE, or file:PATH (one line end after the secret is ignored).
    ///
    /// For providers that sign with a private key it is that key: PKCS #8 in PEM; for ed25519 also its 32
    /// bytes in hex or base64, and Standard Webhooks' whsk_…
    #[arg(long, value_name = "SOURCE", required_unless_present = "list")]
    pub(super) secret: Option<String>,

    #[command(flatten)]
    pub(super) known: KnownArgs,

    /// List the sample events, of one provider or of all.
    #[arg(long)]
    pub(super) list: bool,

    /// Set a field of the body. PATH is names between dots, and numbers for items of arrays; VALUE is
    /// JSON where it reads as JSON, and a text otherwise.
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,

    /// Send the bytes of this file as the body, with the headers of EVENT.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub(super) body: Option<PathBuf>,

    /// Add a header, or replace one.
    #[arg(long, value_name = "NAME: VALUE")]
    pub(super) header: Vec<String>,

    /// Send the same delivery this many times at once. One must be accepted, and each other one
    /// answered as a duplicate or with 503.
    #[arg(long, value_name = "N", group = "how", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(super) copies: Option<u16>,

    /// Send it again on the provider's retry schedule until it is answered with 2xx, with a line for
    /// each attempt.
    #[arg(long, group = "how")]
    pub(super) retries: bool,

    /// How much faster than the provider to send retries.
    #[arg(long, value_name = "60x", requires = "retries", value_parser = speed)]
    pub(super) speed: Option<u32>,

    /// Change the body after it is signed; the token, where the provider shows one. It must be refused.
    #[arg(long, group = "how")]
    pub(super) tamper: bool,

    /// Sign it as of this long ago; by default an hour before the oldest that the provider's window
    /// takes. It must be refused.
    #[arg(
        long,
        value_name = "AGE",
        group = "how",
        num_args = 0..=1,
        require_equals = true,
        value_parser = humantime::parse_duration
    )]
    pub(super) stale: Option<Option<Duration>>,

    /// Send a captured request again: HTTP/1.1 as text, a curl command, or a HAR file. Its body, id and
    /// headers are sent with a new signature and a new time.
    #[arg(long, value_name = "FILE", conflicts_with = "event")]
    pub(super) replay: Option<PathBuf>,

    /// With --replay: send it as it was captured, with its old signature. It must be refused if it is too
    /// old, or not signed with this secret.
    #[arg(long, requires = "replay", group = "how", conflicts_with_all = ["set", "header"])]
    pub(super) as_captured: bool,

    /// The scheme and host that the receiver is known by, for providers that sign the URL, where --to is
    /// not that.
    #[arg(long, value_name = "URL")]
    pub(super) public_url: Option<String>,

    /// Print a curl command that sends it, and send nothing.
    #[arg(long, conflicts_with_all = ["copies", "retries"])]
    pub(super) dry_run: bool,
}

/// `60x`, or `60`.
fn speed(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix(['x', 'X']).unwrap_or(text).parse();
    number.ok().filter(|speed| *speed > 0).ok_or_else(|| "such as 60x".to_owned())
}

const AFTER: &str = r#"Examples:
  export STRIPE_SECRET=whsec_...
  countersign trigger --list stripe
  countersign trigger stripe invoice.paid --to http://127.0.0.1:8787/webhooks/stripe \
      --secret env:STRIPE_SECRET
  ... --set data.object.amount_paid=4200    with a field changed
  ... --tamper                              must be refused
  ... --copies 5                            must be accepted once
  ... --retries --speed 60x                 until it is accepted, 60 times as fast as Stripe
  ... --replay captured.http                a captured request, signed again
  ... --dry-run                             as a curl command
  countersign trigger acme --config countersign.toml --body event.json \
      --to http://127.0.0.1:8787/webhooks/acme --secret env:ACME_SECRET

Duplicates:
  An answer of 208, or a 2xx with the word `duplicate` in its body, as countersign gives it, says that the
  event was handled before. `{"status":"parked"}` says that it is not handled, and is kept for an operator.

Exit codes:
  0 answered as it should be, 1 not, or not answered, 2 wrong command line or nothing to send"#;
