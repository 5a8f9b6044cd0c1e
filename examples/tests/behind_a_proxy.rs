//! The page "Behind a proxy": its configurations run in a real nginx and a real Caddy, in front of
//! receivers whose providers sign the body, or the URL too.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "../../tests/ports.rs"]
mod ports;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use countersign::testing::Signer;
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_examples::Client;
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::{TcpListener, TcpStream};

use self::ports::free_port;

const PAGE: &str = include_str!("../../docs/behind-a-proxy.md");
const PUBLIC: &str = "https://hooks.example.test";
/// A path and a query that a proxy could write in another way.
const TWILIO: &str = "/webhooks/twilio/caf%C3%A9%20bar%2Fx?step=2&b=%7e&a=1+1";

fn configuration(language: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

async fn handled(_: Webhook) -> &'static str {
    "handled"
}

/// What the page puts behind the proxy.
async fn receiver() -> SocketAddr {
    let layer = |id: &str| {
        let endpoint = Endpoint::builder(id, catalogue::provider(id).unwrap())
            .secret(Secret::new("a secret").unwrap())
            .max_body(25 * 1024 * 1024);
        let endpoint = if id == "twilio" { endpoint.public_url(PUBLIC) } else { endpoint };
        post(handled).route_layer(WebhookLayer::new(endpoint.build().unwrap(), MemoryStore::new()))
    };
    let app = Router::new()
        .route("/webhooks/github", layer("github"))
        .route("/webhooks/twilio/{name}", layer("twilio"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// A proxy with a folder of its own; both are gone when the test ends.
struct Proxy {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Proxy {
    /// Runs a program with a configuration in which `LISTEN` is where it is to listen, and `PORT` its port.
    async fn start(program: &str, name: &str, configuration: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("proxy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let file = folder.join("configuration");
        let configuration = configuration.replace("LISTEN", &address.to_string());
        let configuration = configuration.replace("PORT", &address.port().to_string());
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program);
        match program {
            "nginx" => command.arg("-p").arg(&folder).arg("-c").arg(&file),
            _ => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file),
        };
        // What it would write elsewhere, and where Debian has nginx.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(variable, &folder);
        }
        command.env("PATH", path).stdin(Stdio::null());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.unwrap_or_else(|error| {
            panic!("this test needs {program} (Debian's nginx-light and caddy): {error}")
        });
        let mut proxy = Self { process, folder, address };
        let deadline = Instant::now() + Duration::from_secs(120);
        while TcpStream::connect(address).await.is_err() {
            assert_eq!(proxy.process.try_wait().unwrap(), None, "{name} has ended");
            assert!(Instant::now() < deadline, "{name} does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy
    }

    async fn nginx(name: &str, receiver: SocketAddr, change: fn(String) -> String) -> Self {
        let server = change(configuration("nginx"))
            .replace("listen 443 ssl", "listen LISTEN")
            .replace("127.0.0.1:3000", &receiver.to_string());
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|place| format!("{place}_temp_path {place};\n"))
            .concat();
        let whole = format!(
            "daemon off; master_process off; pid nginx.pid; error_log error.log;\nevents {{}}\n\
             http {{ access_log off;\n{places}{server}}}\n"
        );
        Self::start("nginx", name, &whole).await
    }

    async fn caddy(receiver: SocketAddr) -> Self {
        let site = configuration("caddyfile")
            .replace("hooks.example.test", ":PORT") // whatever the host
            .replace("127.0.0.1:3000", &receiver.to_string());
        let whole = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}");
        Self::start("caddy", "caddy", &whole).await
    }

    async fn send(&self, path: &str, headers: &[(String, String)], body: &str) -> (u16, String) {
        let client = Client::connect(self.address).await.unwrap();
        let answer = client.post(path, headers, body).await.unwrap();
        (answer.status, answer.code().unwrap_or(answer.body))
    }

    async fn github(&self, body: &str) -> (u16, String) {
        let secret = Secret::new("a secret").unwrap();
        let mut headers = Signer::new(&catalogue::provider("github").unwrap(), &secret).sign(body);
        headers.push(("X-GitHub-Event".to_owned(), "push".to_owned()));
        self.send("/webhooks/github", &headers, body).await
    }

    async fn twilio(&self) -> (u16, String) {
        let secret = Secret::new("a secret").unwrap();
        let form = "Body=caf%C3%A9&From=%2B15550100";
        let provider = catalogue::provider("twilio").unwrap();
        let mut headers = Signer::new(&provider, &secret).url(PUBLIC, TWILIO).sign(form);
        let form_type = "application/x-www-form-urlencoded";
        headers.push(("Content-Type".to_owned(), form_type.to_owned()));
        self.send(TWILIO, &headers, form).await
    }
}

fn ok() -> (u16, String) {
    (200, "handled".to_owned())
}

async fn passes_what_is_signed(proxy: &Proxy) {
    let body = "{\"a\": 1,\r\n  \"name\": \"na\\u00efve \u{feff}\"}\n";
    assert_eq!(proxy.github(body).await, ok());
    assert_eq!(proxy.github(body).await, (200, "duplicate".to_owned()));
    // More than nginx accepts unless it is told.
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * 1024 * 1024));
    assert_eq!(proxy.github(&large).await, ok());
    assert_eq!(proxy.twilio().await, ok());
}

#[tokio::test]
async fn nginx_as_on_the_page_passes_what_is_signed() {
    let proxy = Proxy::nginx("nginx", receiver().await, |page| page).await;
    passes_what_is_signed(&proxy).await;
}

#[tokio::test]
async fn caddy_as_on_the_page_passes_what_is_signed() {
    let proxy = Proxy::caddy(receiver().await).await;
    passes_what_is_signed(&proxy).await;
}

/// The trap on the page.
#[tokio::test]
async fn nginx_with_a_path_in_proxy_pass_breaks_a_signed_url() {
    let with_path = |page: String| page.replace("127.0.0.1:3000;", "127.0.0.1:3000/webhooks/;");
    let proxy = Proxy::nginx("nginx-path", receiver().await, with_path).await;
    assert_eq!(proxy.github("{}").await, ok());
    assert_ne!(proxy.twilio().await, ok());
}
