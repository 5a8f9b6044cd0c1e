//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::inspect::InspectArgs;
use crate::operate::StoreArgs;
use crate::say;
use crate::trigger::TriggerArgs;
use crate::verify::VerifyArgs;

/// Reads the command line. `--help` and `--version` are answered here.
pub(crate) fn parse() -> Result<Command, ExitCode> {
    Cli::try_parse().map(|cli| cli.command).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            exit_code(&error)
        }
        _ => {
            say(&format!(
                "countersign: {}; see `countersign {}--help`",
                sentence(&error.to_string()).replace(PROVIDER, PROVIDER_OR_FILE),
                subcommand()
            ));
            exit_code(&error)
        }
    })
}

/// What clap says is missing where nothing says who sends, and what can be given.
const PROVIDER: &str = "--provider <NAME=SOURCE[,SOURCE...]>";
const PROVIDER_OR_FILE: &str =
    "--provider <NAME=SOURCE[,SOURCE...]>, or --config <FILE> with all endpoints";

/// The subcommand that was given and a space, or nothing.
fn subcommand() -> String {
    let known = Cli::command();
    let given = std::env::args().nth(1).filter(|name| known.find_subcommand(name).is_some());
    given.map(|name| format!("{name} ")).unwrap_or_default()
}

/// The whole command line, as clap has it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

fn exit_code(error: &clap::Error) -> ExitCode {
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// What is wrong and what was perhaps meant, on one line, without the usage that follows.
fn sentence(error: &str) -> String {
    let said = error.trim_start_matches("error: ").split("\n\n").take_while(|paragraph| {
        !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more information")
    });
    let lines = said.map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}

/// Receives webhooks, and accepts those that are genuine, fresh and not handled before.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = "Start with `countersign listen --help`.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Listen for webhooks, verify them, and print or forward them.
    Listen(ListenArgs),
    /// Say whether a captured request is genuine, and if not, why.
    Verify(VerifyArgs),
    /// List the providers that `--provider` takes.
    Providers(ProvidersArgs),
    /// Send a sample event as a provider would, to try a receiver.
    Trigger(TriggerArgs),
    /// Look into a store, accept a handled event again, purge and migrate.
    Store(StoreArgs),
    /// Print what a shell needs to complete this command line.
    Completions(CompletionsArgs),
    /// Print the manual page of this program, or of one of its commands.
    Man(ManArgs),
}

/// Print what a shell needs to complete this command line.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  countersign completions zsh > ~/.zfunc/_countersign")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page of this program, or of one of its commands.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  countersign man verify | man -l -")]
pub(crate) struct ManArgs {
    /// The command, such as verify.
    pub(crate) command: Option<String>,
}

/// List the providers that `--provider` takes: id, name, proof, freshness, key, retries, source, and
/// how well the facts are confirmed.
#[derive(Args, Debug)]
pub(crate) struct ProvidersArgs {
    /// Print a JSON array of objects.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Listen for webhooks, verify them, and print or forward them.
///
/// Every provider sends to a path of its own, POST /webhooks/NAME. A delivery that is proven,
/// fresh and not handled before is printed, or with --forward-to sent to your program; every
/// other one is refused, acknowledged as a duplicate, or asked to come again.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = AFTER)]
pub(crate) struct ListenArgs {
    /// A TOML file with endpoints, providers of your own, targets and everything else that is set here.
    ///
    /// What is given beside it on the command line wins, and --provider adds an endpoint. Paths in the
    /// file are relative to its folder. CONFIG.md of countersign-cli explains the fields.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Say what would be listened to, and whether anything is wrong with it, and end.
    ///
    /// Secrets are read. The store is not opened, and no address is taken.
    #[arg(long)]
    pub(crate) check: bool,

    /// A provider and where its secrets are; give it once for each provider.
    ///
    /// NAME: github, stripe, slack, standard-webhooks … `countersign providers` lists them.
    ///
    /// SOURCE: env:VARIABLE, or file:PATH (one line end after the secret is ignored). Several
    /// mean rotation, the current secret first: a delivery proven by any of them is accepted. All but the
    /// first may be empty (`VARIABLE=`, or a file without anything in it).
    /// For providers that sign with a private key, it is their public key as they show it.
    /// Secrets themselves are never given on the command line.
    #[arg(
        long = "provider",
        value_name = "NAME=SOURCE[,SOURCE...]",
        required_unless_present = "config"
    )]
    pub(crate) providers: Vec<String>,

    /// A file with variables for every `env:VARIABLE`: secrets, verify tokens, signing keys, --store and
    /// --inspect-token.
    ///
    /// Lines are NAME=VALUE, also with `export` and in quotes; `#` begins a line that is ignored. A name in it
    /// goes before the process's environment. At SIGHUP it is read again for all but the store and the
    /// inspector, which are opened once. Several may be given: the first
    /// that has a name is used.
    #[arg(long = "env-file", value_name = "FILE")]
    pub(crate) env_files: Vec<PathBuf>,

    /// The token that a provider shows when it asks whether you want its deliveries, such as Meta's
    /// `hub.verify_token`: what you typed into the provider's console.
    ///
    /// NAME is that of a --provider, or an endpoint's id in the file. SOURCE: env:VARIABLE, or file:PATH. Without it such a request is
    /// refused (405). It is shown in URLs, so it must not be one of the provider's secrets.
    #[arg(long = "verify-token", value_name = "NAME=SOURCE")]
    pub(crate) verify_tokens: Vec<String>,

    /// The private key that signs replays in the inspector, for a provider that signs with one: its
    /// --provider has the public key, of a pair that you made for your tests.
    ///
    /// NAME is that of a --provider. SOURCE: env:VARIABLE, or file:PATH: PKCS #8 in PEM; for ed25519 also
    /// its 32 bytes in hex or base64, and Standard Webhooks' whsk_…
    #[arg(long = "signing-key", value_name = "NAME=SOURCE")]
    pub(crate) signing_keys: Vec<String>,

    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8787].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) addr: Option<String>,

    /// The scheme and host that the world sends to, such as `https://hooks.example.test`, for providers
    /// that sign the URL: the URL is this and the request's path and query.
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// POST verified deliveries here; the answer decides whether they are handled.
    ///
    /// With a PATTERN, only events of a type that matches: invoice.* or *.deleted, where `*` is any run of
    /// characters. Give it several times: the first pattern that matches is used, and without PATTERN
    /// everything matches. Where the provider does not prove the type, the claimed one is compared. An event
    /// that matches no pattern is answered 200, is not forwarded, and its line says `unmatched`.
    ///
    /// The body is sent byte for byte, with its Content-Type and with what is verified in headers:
    /// countersign-provider, -endpoint, -event, -id, -key, -time, -secret; and what headers only
    /// claim in countersign-unverified-event, -id. Nothing else of the
    /// request is passed on. A 2xx answer means handled. Any other means not handled, and the
    /// provider gets the same status; it gets 502 if the program cannot be reached and 504 if it
    /// has not answered when the lease ends (see --lease). Redirects are not followed.
    #[arg(long, value_name = "[PATTERN=]URL")]
    pub(crate) forward_to: Vec<String>,

    #[command(flatten)]
    pub(crate) inspect: InspectArgs,

    /// What remembers handled events: memory, which forgets them when the program ends;
    /// sqlite:PATH for one machine; postgres://… or redis://… for several that share it; or
    /// env:VARIABLE with one of these in it, so that a password is not on the command line
    /// [default: memory].
    ///
    /// The tables in SQLite and Postgres are made at the start. A store that cannot be reached then
    /// is an error; later, deliveries are answered 503 and come again.
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,

    /// Where Prometheus fetches metrics, such as 127.0.0.1:9464: GET /metrics. Without it there are none.
    ///
    /// They name the endpoints, their providers' reasons and how much there was, and hold no secret,
    /// event or body. Whoever reaches the address can read them.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics: Option<String>,

    /// Print JSON lines on a terminal too. Into a pipe or a file they always are.
    #[arg(long)]
    pub(crate) json: bool,

    /// The largest body to accept [default: 1048576].
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_body: Option<usize>,

    /// How long one delivery may be worked on before its retry is accepted, such as 30s or 5m
    /// [default: 5m, or half the provider's retry schedule where that is less].
    ///
    /// With --forward-to: how long the program may take. Meanwhile further deliveries of the event
    /// are answered 503. If it takes longer, it may get the retry while it still works.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) lease: Option<Duration>,

    /// Park an event after so many attempts that failed: its delivery is answered 200, so that the provider
    /// stops, and the event is kept for you. The default is never.
    ///
    /// `countersign store STORE parked` lists them, and `forget` lets one be handled again. The store `memory`
    /// cannot be looked into. In a file, an endpoint's `park` says more: how soon at the earliest, and how
    /// long they are kept.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) park_after: Option<u32>,

    /// How long the end may take after Ctrl-C or SIGTERM [default: 30s]. What is not handled by then
    /// is cut off, and its retry is accepted when its lease has ended.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) shutdown_timeout: Option<Duration>,
}

const AFTER: &str = r#"Examples:
  export PIORA_SECRET=...
  countersign listen --provider piora=env:PIORA_SECRET --forward-to http://127.0.0.1:3000/hooks
  countersign listen --provider stripe=env:STRIPE_SECRET \
      --forward-to 'invoice.*=http://127.0.0.1:3000/invoices' --forward-to http://127.0.0.1:3000/hooks
  countersign listen --config countersign.toml --check

Output:
  On a terminal, a line for each request: time, endpoint, type, verdict, status and duration, and why.
  Into a pipe or a file, and with --json, one JSON object for each request and line:
    outcome   accepted, duplicate, in_flight, handshake, rejected, failed or not_found
    received_at  when the request's head was there, in UTC
    provider  the NAME given with --provider, or null where no endpoint has the path
    endpoint  the endpoint's id in the file, or the same NAME
    path      the request's path, where no endpoint has it
    status    the HTTP status answered
    event     the event's type, or null where none is proven
    id        the event's id, or null
    key       the event's key, equal for all deliveries of one event, or null
    reason    the code of why, or null
    unverified  the type and the id that headers claim and nothing proves, where there are such
    unmatched true where no pattern of --forward-to matches: acknowledged and not forwarded
    forward   with --forward-to: url, the program's status or an error, elapsed_ms
    payload   the event as it was sent (accepted only)
  Without --forward-to the printed line is the handling: if it cannot be written, the provider is
  answered 500, and its retry is accepted. While nobody reads stdout, such deliveries wait, and if
  stdout is closed the program does not start. Lines that only report are not waited for: if too many
  are unread they are dropped, and the log says how many.
  Logs are on stderr; RUST_LOG sets their level. They are not waited for either.

Limits:
  1024 connections at a time, or as many as the limit of open files (ulimit -Hn) allows; the log says
  how many. When all places are taken, a new connection gets the place of the slowest one that is
  still sending its request. A request's head has 10 seconds and 64 KiB, its body 30 seconds and
  --max-body.

Stopping:
  Ctrl-C or SIGTERM lets running deliveries finish, and gives lines 2 seconds to be read. A second
  one does not wait. After --shutdown-timeout the program ends whatever is still running.

Changing a secret:
  SIGHUP reads the secrets of all endpoints again, from their files and --env-file, and does not stop the
  program. An endpoint whose new secrets are no good keeps its last good ones. stderr says so with a line
  for each endpoint, and in JSON so does a line with the outcome secrets_read or secrets_kept.

Exit codes:
  0 stopped, 1 could not start, or deliveries were cut off by --shutdown-timeout, 2 wrong command
  line, or with --check something is wrong, 130 or 143 stopped by the second signal"#;
