//! What runs, and what it takes of the machine. The names are those of Prometheus's own libraries.

use std::time::SystemTime;

use metrics::{Key, Label, Level, Metadata, Recorder as _};

use super::Registry;

const METADATA: Metadata<'static> = Metadata::new("countersign", Level::INFO, None);

/// Puts what is true now into the registry.
pub(super) fn show(registry: &Registry, started: SystemTime) {
    let gauge = |key: Key, says: &'static str, value: f64| {
        registry.describe_gauge(key.name_shared(), None, says.into());
        registry.register_gauge(&key, &METADATA).set(value);
    };
    let version = Label::from_static_parts("version", env!("CARGO_PKG_VERSION"));
    let build = Key::from_parts("countersign_build_info", vec![version]);
    gauge(build, "Always 1; its labels say what runs.", 1.0);
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = "process_start_time_seconds";
    gauge(
        Key::from_static_name(name),
        "When the listener started, in Unix time.",
        started.as_secs_f64(),
    );
    #[cfg(target_os = "linux")]
    of_linux(&gauge);
}

#[cfg(target_os = "linux")]
fn of_linux(gauge: &impl Fn(Key, &'static str, f64)) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    if let Some(kibibytes) = kibibytes {
        let bytes: f64 = kibibytes;
        let name = Key::from_static_name("process_resident_memory_bytes");
        gauge(name, "Memory that the process has in use.", bytes * 1024.0);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        let name = Key::from_static_name("process_open_fds");
        // One of them is the folder that is read here.
        gauge(name, "Files and connections that are open.", open.count().saturating_sub(1) as f64);
    }
}
