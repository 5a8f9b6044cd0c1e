//! `cargo xtask instructions`: how many instructions a delivery takes, beside what was recorded. Time is
//! noise on a machine that others use; instructions are not.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// How many deliveries each case takes.
const TIMES: u64 = 1000;

/// A case may take this many more than recorded, in thousandths.
const MARGIN: u64 = 30;

pub(crate) fn run(arguments: Vec<String>) -> ExitCode {
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(),
        ["--record"] => record(),
        _ => Err("usage: cargo xtask instructions [--record]".to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("> {problem}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<bool, String> {
    let path = folder()?.join("counts.txt");
    let recorded = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; write it with --record", path.display()))?;
    let mut recorded = recorded.lines().filter(|line| !line.starts_with('#'));
    let mut all_within = true;
    println!("{:<40} {:>9} {:>9}", "", "now", "recorded");
    for (case, now) in count()? {
        let line = recorded.next().and_then(|line| line.rsplit_once(' '));
        let before: u64 = match line {
            Some((name, count)) if name.trim_end() == case => {
                count.parse().map_err(|_| format!("{case}: {count} is not a number"))?
            }
            _ => return Err(format!("{case} is not recorded; write it with --record")),
        };
        let thousandths = (now as i64 - before as i64) * 1000 / before.max(1) as i64;
        let within = thousandths <= MARGIN as i64;
        all_within &= within;
        let verdict = match thousandths {
            ..=-30 => "  fewer: record it",
            _ if within => "",
            _ => "  MORE than the margin",
        };
        let percent = thousandths as f64 / 10.0;
        println!("{case:<40} {now:>9} {before:>9} {percent:>+6.1} %{verdict}");
    }
    if !all_within {
        eprintln!(
            "> a delivery takes over {} % more instructions than recorded with {}. If that is meant, \
             record it: cargo xtask instructions --record",
            MARGIN / 10,
            fs::read_to_string(&path).ok().and_then(|text| head(&text)).unwrap_or_default(),
        );
    }
    Ok(all_within)
}

/// The toolchain that was recorded with.
fn head(recorded: &str) -> Option<String> {
    recorded.lines().next()?.strip_prefix("# ").map(str::to_owned)
}

fn record() -> Result<bool, String> {
    let mut text = format!("# {}\n", output(Command::new("rustc").arg("--version"))?.trim());
    for (case, count) in count()? {
        println!("{case:<40} {count:>9}");
        text.push_str(&format!("{case} {count}\n"));
    }
    let path = folder()?.join("counts.txt");
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(true)
}

/// Every case, and the instructions that one of its deliveries takes.
fn count() -> Result<Vec<(String, u64)>, String> {
    let folder = folder()?;
    let target = folder.join("../../target/instructions");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--locked", "--target-dir"]).arg(&target);
    output(build.current_dir(&folder))?;
    let program = target.join("release/countersign-instructions");
    let cases = output(&mut Command::new(&program))?;
    let one = |case: &str| {
        let all = instructions(&program, case, &[])?;
        let made = instructions(&program, case, &["--only-make"])?;
        Ok((case.to_owned(), all.saturating_sub(made) / TIMES))
    };
    cases.lines().map(one).collect()
}

/// What Valgrind counts. It emulates a processor without SHA instructions, so hashing weighs more here
/// than it does in time.
fn instructions(program: &Path, case: &str, more: &[&str]) -> Result<u64, String> {
    let mut run = Command::new("valgrind");
    run.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    run.arg(program).args([case, &TIMES.to_string()]).args(more);
    let run = run.output().map_err(|error| format!("valgrind: {error}; install valgrind"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    let counted = said.lines().find_map(|line| Some(line.split_once(" refs:")?.1));
    let counted = counted.filter(|_| run.status.success()).ok_or(format!("{case}: {said}"))?;
    let digits: String = counted.chars().filter(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| format!("{case}: {counted} is not a number"))
}

fn output(command: &mut Command) -> Result<String, String> {
    let run = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !run.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&run.stderr)));
    }
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}

fn folder() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no parent")?;
    Ok(root.join("benches/instructions"))
}
