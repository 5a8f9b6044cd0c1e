//! The inspector: a page beside the listener that shows deliveries as they come, says why one was refused,
//! and sends one again with a fresh signature. `docs/inspector.md` has its API.
//!
//! Whatever the listener learns about a request it tells its watchers, and [`history`] is one of them. It
//! keeps the last deliveries, in memory and with `--inspect-file` in a file too. [`api`] shows them as JSON,
//! [`events`] says what changes, [`page`] is the page in a browser that is made of both. [`replay`] signs a
//! delivery anew, [`why`] explains one, [`copy`] makes a command, a test or a capture of it.
//!
//! It has its own socket and its own limit of connections, so that nothing here takes the place of a
//! delivery. [`guard`] stands before everything: nobody gets in from another machine without the token, and
//! no other page in the user's browser gets in at all. What is secret in a request ([`redact`]) leaves this
//! folder only to be proven anew.

mod api;
mod args;
mod copy;
mod events;
mod guard;
mod history;
mod options;
mod page;
mod problem;
mod redact;
mod replay;
mod token;
mod view;
mod why;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::listen::{self, Routes};
use crate::record::Watchers;
use crate::serve::{self, HEAD_TIMEOUT, Limits};
use crate::signals::Stop;
pub(crate) use args::InspectArgs;
use guard::Guard;
use history::{File, History, Keep, Writer};
pub use options::Inspect;
use redact::Redaction;
pub(crate) use redact::url as shown_url;

/// How long its last answers may take at the end.
const GRACE: Duration = Duration::from_millis(500);

/// An inspector that has its address and its file, and not yet the endpoints.
pub(crate) struct Inspector {
    options: Inspect,
    listener: TcpListener,
    addr: SocketAddr,
    history: Arc<History>,
    file: Option<File>,
    last: u64,
}

/// What everything here shares.
struct App {
    history: Arc<History>,
    routes: Routes,
    redaction: Redaction,
    guard: Guard,
    why: why::Answers,
    about: About,
    stop: Stop,
}

/// What the page says of the listener.
struct About {
    listening: String,
    store: String,
    file: Option<String>,
}

/// An inspector that runs.
pub(crate) struct Inspecting {
    addr: SocketAddr,
    token_source: Option<String>,
    serving: JoinHandle<()>,
    writer: Option<Writer>,
}

impl Inspector {
    /// Takes the address and opens the file. An error is a sentence.
    pub(crate) async fn open(options: Inspect) -> Result<Self, String> {
        options.check()?;
        let (listener, addr) = listen::bind(options.addr())
            .await
            .map_err(|problem| format!("--inspect: {problem}"))?;
        if !addr.ip().is_loopback() && options.given_token().is_none() {
            return Err(format!(
                "--inspect: {addr} can be reached from other machines, so a token is needed: give \
                 --inspect-token env:VARIABLE or file:PATH, or use 127.0.0.1"
            ));
        }
        let keep = Keep { deliveries: options.deliveries(), bytes: options.bytes() };
        let history = Arc::new(History::new(keep));
        let mut file = match options.file_path() {
            Some(path) => Some(File::open(path).await?),
            None => None,
        };
        let last = match &mut file {
            Some(file) => file.restore(&history).await?,
            None => 0,
        };
        Ok(Self { options, listener, addr, history, file, last })
    }

    /// Has it told of every request.
    pub(crate) fn watch(&self, watchers: &mut Watchers) {
        watchers.whole_requests = true;
        watchers.go_on_after(self.last);
        let history = Arc::clone(&self.history);
        watchers.add(move |record| history.note(record));
    }

    /// Serves until `stop`, in tasks of this runtime. The listener is at `listening`.
    pub(crate) fn serve(self, routes: Routes, listening: SocketAddr, stop: Stop) -> Inspecting {
        let redaction = Redaction::of(routes.mounts().iter().map(|mount| &**mount));
        let writer = self
            .file
            .map(|file| file.write(Arc::clone(&self.history), redaction.clone(), stop.clone()));
        let path = self.options.file_path().map(|path| path.display().to_string());
        let token_source = self.options.given_token().map(|token| token.source().to_owned());
        let app = App {
            history: self.history,
            routes,
            redaction,
            guard: Guard::new(self.options.addr(), self.addr, self.options.given_token().cloned()),
            why: why::Answers::default(),
            about: About {
                listening: format!("http://{listening}"),
                store: self.options.store().to_owned(),
                file: path,
            },
            stop: stop.clone(),
        };
        let limits = Limits { connections: self.options.connections(), head: HEAD_TIMEOUT };
        let router = api::router(Arc::new(app));
        let listener = self.listener;
        let serving = tokio::spawn(async move {
            let over = stop.clone();
            let server = serve::serve(listener, router, limits, stop.stopped());
            let overdue = async {
                over.stopped().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                () = server => {}
                () = overdue => {}
            }
        });
        Inspecting { addr: self.addr, token_source, serving, writer }
    }
}

impl Inspecting {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What to say at the start.
    pub(crate) fn ready(&self) -> String {
        let url = self.url();
        match &self.token_source {
            Some(source) => {
                format!("countersign: inspector on {url}, which asks for the token in {source}")
            }
            None => format!("countersign: inspector on {url}"),
        }
    }

    /// Waits for what is still to be written, but not long.
    pub(crate) async fn finish(self) {
        let _ = timeout(GRACE * 2, self.serving).await;
        if let Some(writer) = self.writer {
            writer.finish().await;
        }
    }
}
