//! The command line of `countersign verify`.

use std::path::PathBuf;

use clap::Args;

use crate::known::KnownArgs;

/// Say whether a captured request is genuine, and if not, why.
///
/// A cause is named only where undoing it makes the signature right: white space around the secret, JSON
/// that was written again, a URL behind a proxy, and some forty others. Nothing is sent anywhere.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub(crate) struct VerifyArgs {
    /// The provider that sent it: github, stripe … `countersign providers` lists them. Or one of --config
    /// FILE.
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,

    /// Where the secret is: env:VARIABLE, or file:PATH (one line end after it is ignored).
    ///
    /// The first is the one that is configured. With further ones, verify says whether one of them
    /// signed. Secrets are never shown.
    #[arg(long = "secret", value_name = "SOURCE", required = true)]
    pub(crate) secrets: Vec<String>,

    #[command(flatten)]
    pub(crate) known: KnownArgs,

    /// The captured request, or - for stdin: HTTP/1.1 as text, a curl command, or a HAR file.
    #[arg(long, value_name = "FILE", required_unless_present = "headers")]
    pub(crate) request: Option<PathBuf>,

    /// Instead of --request: a file with a header in each line, `Name: value`.
    #[arg(long, value_name = "FILE", requires = "body", conflicts_with = "request")]
    pub(crate) headers: Option<PathBuf>,

    /// With --headers: a file with the body, byte for byte.
    #[arg(long, value_name = "FILE", requires = "headers")]
    pub(crate) body: Option<PathBuf>,

    /// The URL that your receiver takes for its own, for providers that sign it.
    ///
    /// Without it: the URL of the curl command or of the HAR entry, else https://, the Host header and
    /// the path.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// When it was received, such as 2026-11-02T08:15:04Z; its age is judged by that [default: the time
    /// of the HAR entry, else now].
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,

    /// Which request of a HAR file, counted from 1 [default: the last POST].
    #[arg(long, value_name = "NUMBER")]
    pub(crate) entry: Option<usize>,

    /// Print one JSON object: {"genuine":…,"causes":[{"cause":…,"says":…}]}
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER: &str = "Examples:
  countersign verify github --secret env:GITHUB_SECRET --request delivery.http
  countersign verify stripe --secret file:/run/secrets/stripe --headers head.txt --body body.json
  pbpaste | countersign verify slack --secret env:SLACK_SECRET --request -   # a curl command
  countersign verify twilio --secret env:TWILIO_TOKEN --request delivery.http \\
      --url https://example.test/voice --at 2026-11-02T08:15:04Z

Exit codes:
  0 genuine and fresh, 1 not, 2 wrong command line, or a file that cannot be read";
