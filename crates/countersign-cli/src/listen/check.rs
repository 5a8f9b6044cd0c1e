//! `countersign listen --check`: what would be listened to.

use std::fmt::Write as _;

use super::plan::{Plan, Planned};
use crate::forward::Targets;
use crate::store::Address;

/// Whether the addresses have the form of one. An error is one sentence.
pub(super) fn addresses(plan: &Plan) -> Result<(), String> {
    // What a variable holds may be there only where the program runs.
    if !plan.store.starts_with("env:") {
        Address::parse(&plan.store, &plan.store_is, &plan.env)?;
    }
    let inspect = plan.inspect.as_ref().map(|inspect| &inspect.addr);
    for (name, addr) in
        [("addr", Some(&plan.addr)), ("metrics", plan.metrics.as_ref()), ("inspect", inspect)]
    {
        let is_one = |addr: &String| {
            let parts = addr.rsplit_once(':');
            parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !addr.is_none_or(is_one) {
            return Err(format!("{name}: an address is HOST:PORT, such as 127.0.0.1:8787"));
        }
    }
    Ok(())
}

/// The plan for people. Without secrets, and without what in a URL could be one.
pub(super) fn describe(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "listen on   {}", plan.addr);
    let _ = writeln!(out, "store       {}", store(&plan.store));
    if let Some(addr) = &plan.metrics {
        let _ = writeln!(out, "metrics on  {addr}");
    }
    if let Some(inspect) = &plan.inspect {
        let _ = writeln!(out, "inspect on  {}", inspect.addr);
    }
    for endpoint in &plan.endpoints {
        let _ = write!(out, "\n{}", describe_endpoint(endpoint));
    }
    out
}

fn describe_endpoint(planned: &Planned) -> String {
    let mount = &planned.mount;
    let current = mount.current();
    let provider = current.endpoint.provider();
    let secrets: Vec<_> = current.secrets.iter().filter_map(|secret| secret.label()).collect();
    let mut out = format!("POST {}\n", mount.path);
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(out, "  {name:<9} {what}");
    };
    line("endpoint", &mount.name);
    line("provider", &mount.provider);
    line("proof", &provider.describe_proof());
    line("fresh by", &provider.describe_freshness());
    line("key", &provider.describe_key());
    line("secrets", &secrets.join(", "));
    if let Some(parking) = current.endpoint.parking() {
        line("parking", &parking.to_string());
    }
    match &planned.targets {
        None => line("events", "are printed"),
        Some(targets) => describe_targets(targets, line),
    }
    out
}

fn describe_targets(targets: &Targets, mut line: impl FnMut(&str, &str)) {
    let mut name = "events";
    for target in targets.iter() {
        line(name, &format!("{} to {}", target.pattern.as_str(), without_query(&target.url)));
        name = "";
    }
    if !targets.is_everything() {
        line(name, "others are acknowledged and not forwarded");
    }
}

/// A query may hold a key.
fn without_query(url: &axum::http::Uri) -> String {
    match url.to_string().split_once('?') {
        Some((url, _)) => format!("{url}?…"),
        None => url.to_string(),
    }
}

/// The kind alone, where there may be a password.
fn store(address: &str) -> &str {
    match address.split_once(':') {
        Some(("sqlite" | "env", _)) | None => address,
        Some((kind, _)) => kind,
    }
}
