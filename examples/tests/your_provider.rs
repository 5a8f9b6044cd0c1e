//! The commands in `docs/providers/` sign as the providers do: each is run, with bash, curl and openssl,
//! against a receiver for its provider.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::{Router, routing::post};
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;
use tokio::process::Command;

const PAGES: [&str; 7] = [
    include_str!("../../docs/providers/discord.md"),
    include_str!("../../docs/providers/github.md"),
    include_str!("../../docs/providers/shopify.md"),
    include_str!("../../docs/providers/slack.md"),
    include_str!("../../docs/providers/standard-webhooks.md"),
    include_str!("../../docs/providers/stripe.md"),
    include_str!("../../docs/providers/twilio.md"),
];
/// What the page for Twilio has.
const PUBLIC_URL: &str = "https://hooks.example.test";

/// Provider, path, the variable of its secret, a secret of its form and another one.
const PROVIDERS: [(&str, &str, &str, [&str; 2]); 8] = [
    ("github", "/webhooks/github", "GITHUB_WEBHOOK_SECRET", ["a secret", "a guess"]),
    ("stripe", "/webhooks/stripe", "STRIPE_WEBHOOK_SECRET", ["whsec_a", "whsec_b"]),
    ("slack", "/webhooks/slack", "SLACK_SIGNING_SECRET", ["a secret", "a guess"]),
    ("slack", "/webhooks/slack/commands", "SLACK_SIGNING_SECRET", ["a secret", "a guess"]),
    ("shopify", "/webhooks/shopify", "SHOPIFY_CLIENT_SECRET", ["a secret", "a guess"]),
    ("twilio", "/webhooks/twilio", "TWILIO_AUTH_TOKEN", ["a token", "a guess"]),
    ("discord", "/webhooks/discord", "DISCORD_PUBLIC_KEY", ["", ""]),
    (
        "standard-webhooks",
        "/webhooks/acme",
        "WEBHOOK_SECRET",
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_YSBndWVzcyBvZiAyNCBieXRlcyBoZXJl"],
    ),
];

/// The pages' shell commands that contain this.
fn commands(part: &str) -> impl Iterator<Item = &'static str> {
    let blocks = PAGES.iter().flat_map(|page| page.split("```sh\n").skip(1));
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.filter(move |block| block.contains(part))
}

async fn bash(script: &str, variable: (&str, &str), folder: &Path) -> String {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).stdin(Stdio::null());
    let output = command.env(variable.0, variable.1).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes the key that the page signs for Discord with, and gives its public half.
async fn discord_key(folder: &Path) -> String {
    let make = commands("openssl genpkey").next().unwrap();
    let script = format!("{make}printf %s \"$DISCORD_PUBLIC_KEY\"");
    bash(&script, ("DISCORD_PUBLIC_KEY", ""), folder).await
}

async fn handled(_: Webhook) -> &'static str {
    "handled"
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_commands_of_the_pages_sign_as_the_providers_do() {
    let folder = std::env::temp_dir().join(format!("your-provider-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let folder = Folder(folder);
    let public_key = discord_key(&folder.0).await;
    let mut app = Router::new();
    for (id, path, _, [secret, _]) in PROVIDERS {
        let provider = catalogue::by_id(id).unwrap().provider();
        let secret = if id == "discord" { public_key.as_str() } else { secret };
        let mut endpoint = Endpoint::builder(path, provider).secret(Secret::new(secret).unwrap());
        if id == "twilio" {
            endpoint = endpoint.public_url(PUBLIC_URL);
        }
        let layer = WebhookLayer::new(endpoint.build().unwrap(), MemoryStore::new());
        app = app.route(path, post(handled).route_layer(layer));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());

    let mut sent = 0;
    for (id, path, variable, [secret, guess]) in PROVIDERS {
        for command in commands(&format!("127.0.0.1:3000{path} ")) {
            let command = command.replace("127.0.0.1:3000", &address.to_string());
            let first = bash(&command, (variable, secret), &folder.0).await;
            assert!(
                first.starts_with("HTTP/1.1 200") && first.ends_with("handled"),
                "{id}: {first}"
            );
            let second = bash(&command, (variable, secret), &folder.0).await;
            assert!(second.ends_with(r#"{"status":"duplicate"}"#), "{id}: {second}");
            if id == "discord" {
                discord_key(&folder.0).await;
            }
            let forged = bash(&command, (variable, guess), &folder.0).await;
            assert!(forged.ends_with(r#"{"error":"signature_mismatch"}"#), "{id}: {forged}");
            sent += 1;
        }
    }
    // Each command was found under its path, and none is left over.
    assert_eq!((sent, commands("curl").count()), (PROVIDERS.len(), PROVIDERS.len()));
}
