//! `cargo xtask instructions`: how many instructions a delivery takes, beside what was recorded with the
//! same compiler. Time is noise on a machine that others use; instructions are not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{cargo, root};

/// How many deliveries each case takes.
const TIMES: u64 = 1000;

/// A case may take this many more than recorded, in thousandths.
const MARGIN: i64 = 30;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => compare(),
        [record] if record == "--record" => self::record(),
        _ => Err("usage: cargo xtask instructions [--record]".to_owned()),
    }
}

fn compare() -> Result<(), String> {
    let path = counts()?;
    let recorded = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; write it with --record", path.display()))?;
    let mut lines = recorded.lines();
    let toolchain = lines.next().unwrap_or_default().trim_start_matches("# ");
    let mut over = Vec::new();
    println!("{:<40} {:>9} {:>9}", "", "now", "recorded");
    for (case, now) in count()? {
        let line = lines.next().and_then(|line| line.rsplit_once(' '));
        let before =
            line.filter(|(name, _)| *name == case).and_then(|(_, count)| count.parse().ok());
        let before: u64 = before.ok_or_else(|| format!("{case} is not recorded: use --record"))?;
        let more = (now as i64 - before as i64) * 1000 / before.max(1) as i64;
        println!("{case:<40} {now:>9} {before:>9} {:>+6.1} %", more as f64 / 10.0);
        if more > MARGIN {
            over.push(case);
        }
    }
    let now = rustc()?;
    if now != toolchain {
        println!("SKIPPED: recorded with {toolchain}, and this is {now}, which compiles otherwise");
        return Ok(());
    }
    if over.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than {} % over what is recorded: {}. If that is meant, record it: cargo xtask \
         instructions --record",
        MARGIN / 10,
        over.join("; ")
    ))
}

fn record() -> Result<(), String> {
    let mut text = format!("# {}\n", rustc()?);
    for (case, count) in count()? {
        println!("{case:<40} {count:>9}");
        text.push_str(&format!("{case} {count}\n"));
    }
    let path = counts()?;
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Every case, and the instructions that one of its deliveries takes.
fn count() -> Result<Vec<(String, u64)>, String> {
    let folder = folder()?;
    let target = folder.join("../../target/instructions");
    let mut build = Command::new(cargo());
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

fn rustc() -> Result<String, String> {
    Ok(output(Command::new("rustc").arg("--version"))?.trim().to_owned())
}

fn output(command: &mut Command) -> Result<String, String> {
    let run = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !run.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&run.stderr)));
    }
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}

fn folder() -> Result<PathBuf, String> {
    Ok(root()?.join("benches/instructions"))
}

fn counts() -> Result<PathBuf, String> {
    Ok(folder()?.join("counts.txt"))
}
