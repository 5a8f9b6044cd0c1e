//! A Prometheus that fetches once a second, with our rules made quick.

use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Stdio};

use super::running::{Folder, Running, wait_until};
use super::{programs, promtool};
use crate::ports::free_port;

pub(super) struct Prometheus {
    url: String,
    /// The alerts that came.
    seen: RefCell<Vec<String>>,
    #[expect(dead_code, reason = "it runs until it is dropped")]
    running: Running,
}

/// An hour of silence, and how long a condition has to last, in a run of minutes.
const QUICKER: &[(&str, &str)] =
    &[("> 3600", "> 20"), ("for: 5m", "for: 1s"), ("for: 1m", "for: 1s"), ("for: 30s", "for: 1s")];

impl Prometheus {
    pub(super) fn start(folder: &Folder, rules: &Path, metrics: &[u16]) -> Result<Self, String> {
        let at = rules.join("rules.yml");
        let rules = std::fs::read_to_string(&at).map_err(|error| error.to_string())?;
        let mut quick = rules;
        for (written, quicker) in QUICKER {
            if !quick.contains(written) {
                return Err(format!("rules.yml has no `{written}` any more: change QUICKER"));
            }
            quick = quick.replace(written, quicker);
        }
        let targets = metrics.iter().map(|port| format!("'127.0.0.1:{port}'"));
        let targets = targets.collect::<Vec<_>>().join(", ");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [quick.yml]\n\
             scrape_configs:\n  - job_name: countersign\n    static_configs:\n      \
             - targets: [{targets}]\n"
        );
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string())
        };
        write("quick.yml", &quick)?;
        write("prometheus.yml", &config)?;
        let port = free_port();
        let program = programs::program("prometheus").ok_or("no prometheus")?;
        let mut prometheus = Command::new(program);
        prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        prometheus.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running::start(&mut prometheus)?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { url, seen: RefCell::default(), running })
    }

    /// The lines of an answer: a series and its value each.
    fn query(&self, expression: &str) -> Vec<String> {
        let Ok(mut promtool) = promtool() else { return Vec::new() };
        let output = promtool.args(["query", "instant", &self.url, expression]).output();
        let output = output.ok().filter(|output| output.status.success());
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let lines = text.unwrap_or_default();
        lines.lines().filter(|line| line.contains(" => ")).map(str::to_owned).collect()
    }

    /// Waits until the expression has an answer.
    pub(super) fn wait_for(&self, expression: &str, what: &str) -> Result<(), String> {
        wait_until(what, || !self.query(expression).is_empty())
    }

    /// Waits until the alert comes for what has this label.
    pub(super) fn wait_for_alert(&self, alert: &str, of: &str) -> Result<(), String> {
        self.wait_for(&firing(alert, of), &format!("the alert {alert}"))?;
        println!(">   {alert} came for {of}");
        self.seen.borrow_mut().push(alert.to_owned());
        Ok(())
    }

    /// Whether Prometheus says that the alert is not there. One that does not answer says nothing.
    pub(super) fn has_no_alert(&self, alert: &str, of: &str) -> bool {
        !self.query(&format!("absent({})", firing(alert, of))).is_empty()
    }

    pub(super) fn seen(&self) -> String {
        self.seen.borrow().join(", ")
    }

    /// Runs each query of the dashboard until it has data that is not all zero.
    pub(super) fn every_panel_has_data(
        &self,
        dashboard: &Path,
        traffic: &dyn Fn(),
    ) -> Result<(), String> {
        let json = std::fs::read_to_string(dashboard).map_err(|error| error.to_string())?;
        let queries = expressions(&json);
        if queries.len() < 10 {
            return Err(format!("only {} queries in {}", queries.len(), dashboard.display()));
        }
        for query in queries {
            // What Grafana puts in their place.
            let query = query.replace("$endpoint", ".+").replace("$__rate_interval", "1m");
            // Right now nothing may be in flight, and no answer may be a final one.
            let may_be_zero =
                query.contains("claims_in_flight") || query.contains("handler_status_is_final");
            let mut found = 0;
            wait_until(&format!("data for {query}"), || {
                let lines = self.query(&query);
                found = lines.len();
                let is_something = lines.iter().any(|line| may_be_zero || has_number(line));
                if !is_something {
                    traffic();
                }
                is_something
            })?;
            println!(">   {found} series: {query}");
        }
        Ok(())
    }
}

fn firing(alert: &str, of: &str) -> String {
    format!(r#"ALERTS{{alertname="{alert}",alertstate="firing",{of}}}"#)
}

/// Whether the value of this line is a number other than zero.
fn has_number(line: &str) -> bool {
    let value = line.split(" => ").nth(1).and_then(|value| value.split(' ').next());
    value.and_then(|value| value.parse::<f64>().ok()).is_some_and(|value| value.is_normal())
}

/// The texts after `"expr":`, of JSON as Grafana writes it.
fn expressions(json: &str) -> Vec<String> {
    let starts = json.split("\"expr\": \"").skip(1);
    let text = |start: &str| {
        let mut text = String::new();
        let mut chars = start.chars();
        while let Some(char) = chars.next() {
            match char {
                '"' => break,
                '\\' => text.extend(chars.next()),
                char => text.push(char),
            }
        }
        text
    };
    starts.map(text).collect()
}
