//! Measures everything and writes `BENCHMARKS.md`, its charts and `results.json`. `--help` says how.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use countersign_benches::counting::Counting;
use countersign_benches::machine::Machine;
use countersign_benches::plan::Plan;
use countersign_benches::results::{Measured, Results};
use countersign_benches::sections::{ALL, Section, memory};
use countersign_benches::{draw, page, server};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
usage: cargo run --release --features peers-heavy -- [options] [sections]

  without sections, all of them:
  --quick   a smoke run: everything once, too short for figures. Writes to target/quick
  --draw    no measuring: the page and the charts from results.json

sections:";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // What this program runs as in other processes.
        [server::SERVE, framework] => server::serve(framework),
        [memory::FILL, keys] => memory::fill(keys.parse().expect("a number")),
        _ => match run(&arguments) {
            Ok(()) => {}
            Err(problem) => {
                eprintln!("{problem}");
                return ExitCode::FAILURE;
            }
        },
    }
    ExitCode::SUCCESS
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let (mut quick, mut draw, mut wanted) = (false, false, Vec::new());
    for argument in arguments {
        match *argument {
            "--quick" => quick = true,
            "--draw" => draw = true,
            name if ALL.iter().any(|section| section.name == name) => wanted.push(name),
            unknown => {
                let sections: Vec<String> =
                    ALL.iter().map(|it| format!("  {:<12} {}", it.name, it.title)).collect();
                let usage = format!("{USAGE}\n{}", sections.join("\n"));
                return match unknown {
                    "--help" | "-h" => {
                        println!("{usage}");
                        Ok(())
                    }
                    _ => Err(format!("{unknown} is not a section\n\n{usage}")),
                };
            }
        }
    }
    let places = Places::of(quick)?;
    let mut results = Results::read(&places.results)?;
    if !draw {
        if cfg!(debug_assertions) {
            return Err("measure with --release".to_owned());
        }
        let order: Vec<&str> = ALL.iter().map(|section| section.name).collect();
        for section in &ALL {
            if wanted.is_empty() || wanted.contains(&section.name) {
                let measured = measure(section, Plan { quick });
                // Figures of two machines do not belong on one page.
                results.sections.retain(|old| old.machine.is_like(&measured.machine));
                results.replace(measured, &order);
                results.write(&places.results)?;
            }
        }
    }
    write(&results, &places)
}

fn measure(section: &Section, plan: Plan) -> Measured {
    eprint!("{:<12} {} … ", section.name, section.title);
    let machine = Machine::now();
    let start = Instant::now();
    let outcome = (section.measure)(plan);
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{seconds:.0} s");
    let (tables, left_out) = (outcome.tables, outcome.left_out);
    Measured {
        name: section.name.to_owned(),
        machine: machine.measured(),
        seconds,
        tables,
        left_out,
    }
}

/// Where things are written.
struct Places {
    page: PathBuf,
    results: PathBuf,
    /// The folder of the charts, and how the page links to it.
    charts: PathBuf,
    link: &'static str,
}

impl Places {
    fn of(quick: bool) -> Result<Self, String> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = if quick { benches.join("target/quick") } else { benches.to_owned() };
        let page = if quick { &folder } else { benches.parent().unwrap_or(benches) };
        let places = Self {
            page: page.join("BENCHMARKS.md"),
            results: folder.join("results.json"),
            charts: folder.join("charts"),
            link: if quick { "charts" } else { "benches/charts" },
        };
        fs::create_dir_all(&places.charts)
            .map_err(|error| format!("{}: {error}", places.charts.display()))?;
        Ok(places)
    }
}

fn write(results: &Results, places: &Places) -> Result<(), String> {
    let file = |path: &Path, text: String| {
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    for (name, svg) in draw::all(results) {
        file(&places.charts.join(name), svg)?;
    }
    file(&places.page, page::write(results, &versions(), places.link))?;
    eprintln!("written: {}", places.page.display());
    Ok(())
}

/// The crates that figures depend on, as `Cargo.lock` has them.
fn versions() -> Vec<(String, String)> {
    const NAMES: [&str; 14] = [
        "actix-web",
        "async-stripe-webhook",
        "axum",
        "axum-standardwebhooks",
        "hmac",
        "hyper",
        "octocrab",
        "octoevents",
        "redis",
        "sha2",
        "sqlx",
        "standardwebhooks",
        "svix",
        "webhook-verify",
    ];
    let lock = include_str!("../Cargo.lock");
    let packages = lock.split("[[package]]").filter_map(|package| {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_matches(['=', ' ', '"']).to_owned())
        };
        Some((field("name")?, field("version")?))
    });
    packages.filter(|(name, _)| NAMES.contains(&&**name)).collect()
}
