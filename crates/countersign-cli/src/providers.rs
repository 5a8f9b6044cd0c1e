//! `countersign providers`: the catalogue, for people or as JSON.

use std::io::Write as _;

use countersign::catalogue::{self, Preset};
use serde::Serialize;

use crate::args::ProvidersArgs;

#[derive(Serialize)]
struct Row {
    id: &'static str,
    name: &'static str,
    proof: String,
    body: String,
    freshness: String,
    key: String,
    retries: String,
    source: &'static str,
    confidence: &'static str,
}

impl Row {
    fn of(preset: &'static Preset) -> Self {
        let provider = preset.provider();
        Self {
            id: preset.id(),
            name: preset.name(),
            proof: provider.describe_proof(),
            body: provider.describe_body(),
            freshness: provider.describe_freshness(),
            key: provider.describe_key(),
            retries: provider.describe_retries(),
            source: preset.source(),
            confidence: preset.confidence().as_str(),
        }
    }
}

pub(crate) fn run(args: &ProvidersArgs) -> Result<(), String> {
    let mut rows: Vec<Row> = catalogue::all().map(Row::of).collect();
    rows.sort_unstable_by_key(|row| row.id);
    let text = match args.json {
        true => serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())? + "\n",
        false => table(&rows),
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write the list: {error}"))
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let Row { id, name, proof, body, freshness, key, retries, source, confidence } = row;
        text.push_str(&format!("{id:width$}  {name}\n"));
        for (what, value) in [
            ("proof", proof.as_str()),
            ("body", body),
            ("fresh by", freshness),
            ("key", key),
            ("retries", retries),
            ("source", &format!("{source} ({confidence})")),
        ] {
            text.push_str(&format!("{:width$}    {what}: {value}\n", ""));
        }
    }
    text
}
