//! A browser, as a user sits before it: headless Chromium, driven by chromedriver over WebDriver.
//!
//! What is looked for is waited for. Elements are named by CSS selectors of what a user meets: ids
//! that the page has for itself, roles and labels.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A browser takes longer than the program to start, and everything on a machine under load.
const PATIENCE: Duration = Duration::from_secs(120);
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];
/// The key under which WebDriver passes an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window of its own. Closed when dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

/// A key that is no character, for [`Browser::press`].
pub(crate) mod key {
    pub(crate) const ENTER: &str = "\u{e007}";
}

impl Browser {
    /// A window of a desktop.
    pub(crate) fn start() -> Self {
        Self::with_window(1360, 900)
    }

    /// A window of this size. Chromium makes none that is narrower than 500.
    pub(crate) fn with_window(width: u32, height: u32) -> Self {
        require();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver does not start");
        let port = port(&mut driver);
        let mut browser = Self { driver, port, session: String::new() };
        let window = format!("--window-size={width},{height}");
        // Root has no sandbox; a container has little shared memory.
        let args =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &window];
        let wanted = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": args },
        });
        let session =
            browser.call("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = text(&session.unwrap(), "sessionId").unwrap();
        browser
    }

    /// Loads a page.
    pub(crate) fn open(&self, url: &str) {
        self.session("POST", "/url", &json!({ "url": url })).unwrap();
    }

    /// The address that is shown.
    pub(crate) fn address(&self) -> String {
        self.session("GET", "/url", &Value::Null).unwrap().as_str().unwrap().to_owned()
    }

    /// Clicks on an element once it can be clicked on.
    pub(crate) fn click(&self, selector: &str) {
        self.until(&format!("{selector} cannot be clicked on"), || {
            self.on(selector, "POST", "/click", &json!({}))
        });
    }

    /// Replaces what is in a field.
    pub(crate) fn write(&self, selector: &str, text: &str) {
        self.until(&format!("{selector} cannot be written into"), || {
            self.on(selector, "POST", "/clear", &json!({}))?;
            self.on(selector, "POST", "/value", &json!({ "text": text }))
        });
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) fn press(&self, keys: &str) {
        let press = |key: char| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let keys: Vec<_> = keys.chars().flat_map(press).collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] });
        self.session("POST", "/actions", &actions).unwrap();
    }

    /// The text of an element as it is seen.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.until(&format!("there is no {selector}"), || {
            self.on(selector, "GET", "/text", &Value::Null)
        });
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an element has these words, and returns its text.
    pub(crate) fn wait_for(&self, selector: &str, words: &str) -> String {
        self.until(&format!("{selector} never said {words:?}"), || {
            let text = self.on(selector, "GET", "/text", &Value::Null)?;
            let text = text.as_str().unwrap_or_default().to_owned();
            if text.contains(words) { Ok(text) } else { Err(format!("it says {text:?}")) }
        })
    }

    /// How many elements there are at this moment.
    pub(crate) fn count(&self, selector: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.execute(script, &[json!(selector)]).as_u64().unwrap()
    }

    /// Runs a script in the page; `return` gives its value.
    pub(crate) fn execute(&self, script: &str, args: &[Value]) -> Value {
        self.session("POST", "/execute/sync", &json!({ "script": script, "args": args })).unwrap()
    }

    /// Writes what is seen into a PNG file.
    pub(crate) fn screenshot(&self, path: &Path) {
        let picture = self.session("GET", "/screenshot", &Value::Null).unwrap();
        std::fs::write(path, STANDARD.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }

    /// What the browser complained about since it was asked last: errors of scripts, resources that
    /// the page's policy forbids.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.session("POST", "/se/log", &json!({ "type": "browser" })).unwrap();
        let lines = log.as_array().unwrap().iter();
        lines.filter_map(|line| text(line, "message")).collect()
    }

    /// A command for the first element that the selector finds.
    fn on(&self, selector: &str, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.session("POST", "/element", &by)?;
        let id = text(&found, ELEMENT).unwrap();
        self.session(method, &format!("/element/{id}{path}"), body)
    }

    /// Tries it until it works.
    fn until<T>(&self, otherwise: &str, mut work: impl FnMut() -> Result<T, String>) -> T {
        let started = Instant::now();
        loop {
            match work() {
                Ok(done) => return done,
                Err(error) if started.elapsed() > PATIENCE => {
                    panic!("{otherwise}: {error}\nin the page:\n{}", self.whole_text())
                }
                Err(_) => sleep(Duration::from_millis(20)),
            }
        }
    }

    fn whole_text(&self) -> String {
        let text = self.execute("return document.body.innerText", &[]);
        text.as_str().unwrap_or_default().to_owned()
    }

    fn session(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.call(method, &format!("/session/{}{path}", self.session), body)
    }

    /// One request to chromedriver. An error is what it says.
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let stream =
            TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        (&stream).write_all((head + &body).as_bytes()).map_err(|error| error.to_string())?;
        let answer =
            read(stream).map_err(|error| format!("chromedriver does not answer: {error}"))?;
        let value = answer.get("value").cloned().unwrap_or_default();
        match text(&value, "error") {
            Some(error) => Err(format!("{error}: {}", text(&value, "message").unwrap_or_default())),
            None => Ok(value),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its session; without that it would outlive chromedriver.
        if !self.session.is_empty() {
            let _ = self.session("DELETE", "", &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A text in an object.
fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}

/// The body of an answer, which has a length.
fn read(stream: TcpStream) -> std::io::Result<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// The port that chromedriver says it has taken.
fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        line.unwrap()
            .split_once("started successfully on port ")?
            .1
            .trim_end_matches('.')
            .parse()
            .ok()
    });
    // It must not end because nobody reads what it says further.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver does not say on which port it listens")
}

/// Sees to it that there is a browser: installs Debian's where that is possible.
fn require() {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND.get_or_init(install).as_ref().unwrap_or_else(|error| panic!("{error}"));
}

fn install() -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    let [browser, driver] = PACKAGES;
    let wanted = format!(
        "the tests of the inspector need Chromium and chromedriver on the PATH; on Debian: \
         apt-get install {browser} {driver}"
    );
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["-qy", "-o", "DPkg::Lock::Timeout=600"]).args(args);
        apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        apt.status().is_ok_and(|status| status.success())
    };
    let installed = is_root()
        && apt(&["update"])
        && apt(&["install", "--no-install-recommends", browser, driver]);
    if installed && is_there() { Ok(()) } else { Err(wanted) }
}

fn is_there() -> bool {
    let answers = |name: &str| {
        let version = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    };
    answers("chromedriver") && ["chromium", "google-chrome", "chrome"].into_iter().any(answers)
}

/// Only root can install.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}
