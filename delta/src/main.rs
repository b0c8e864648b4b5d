// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command `otakit-delta`. Exit codes: 0 done, 1 not made, 2 wrong words, from 3 on why a package was not applied
//! ([`ApplyError::code`]), 20 made but not worth it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use otakit_core::delta::{DeltaError, HEADER_LEN, Header};
use otakit_delta::{ApplyError, Options, apply, make};

const HELP: &str = "\
usage: otakit-delta make [--block LOG2] [--dictionary LOG2] OLD NEW OUT
       otakit-delta apply [--journal] [--memory BYTES] BASE PACKAGE OUT
       otakit-delta show PACKAGE
";
const NOT_MADE: u8 = 1;
const WORDS: u8 = 2;
const NOT_WORTH_IT: u8 = 20;
/// What `apply` allows a package unless it is told otherwise, in bytes.
const MEMORY: usize = 32 * 1024;

/// The words behind the command, apart from its options.
struct Words {
    files: Vec<PathBuf>,
    journal: bool,
    memory: usize,
    block: Option<u8>,
    dictionary: Option<u8>,
}

/// `None`: wrong words.
fn words(mut rest: impl Iterator<Item = std::ffi::OsString>) -> Option<Words> {
    let mut words =
        Words { files: Vec::new(), journal: false, memory: MEMORY, block: None, dictionary: None };
    while let Some(word) = rest.next() {
        let mut number = || rest.next()?.to_str()?.parse::<usize>().ok();
        match word.to_str() {
            Some("--journal") => words.journal = true,
            Some("--memory") => words.memory = number()?,
            Some("--block") => words.block = Some(u8::try_from(number()?).ok()?),
            Some("--dictionary") => words.dictionary = Some(u8::try_from(number()?).ok()?),
            Some(option) if option.starts_with("--") => return None,
            _ => words.files.push(word.into()),
        }
    }
    Some(words)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let done = match (command.to_str(), words(arguments)) {
        (Some("--help" | "help"), _) => {
            print(HELP);
            return ExitCode::SUCCESS;
        }
        (Some("make"), Some(words)) => match words.files.as_slice() {
            [old, new, out] => run_make(old, new, out, &words),
            _ => wrong_words(),
        },
        (Some("apply"), Some(words)) => match words.files.as_slice() {
            [base, package, out] => run_apply(base, package, out, &words),
            _ => wrong_words(),
        },
        (Some("show"), Some(words)) => match words.files.as_slice() {
            [package] => show(package),
            _ => wrong_words(),
        },
        _ => wrong_words(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, text)) => {
            eprintln!("otakit-delta: {text}");
            ExitCode::from(code)
        }
    }
}

fn wrong_words() -> Result<(), (u8, String)> {
    Err((WORDS, format!("wrong words\n{}", HELP.trim_end())))
}

/// Whoever closed our output does not want it.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn run_make(old: &Path, new: &Path, out: &Path, words: &Words) -> Result<(), (u8, String)> {
    let failed =
        |path: &Path, error: &dyn std::fmt::Display| (NOT_MADE, format!("{}: {error}", path.display()));
    let before = fs::read(old).map_err(|error| failed(old, &error))?;
    let after = fs::read(new).map_err(|error| failed(new, &error))?;
    let usual = Options::for_size(after.len() as u64);
    let options = Options {
        block_log2: words.block.unwrap_or(usual.block_log2),
        dictionary_log2: words.dictionary.unwrap_or(usual.dictionary_log2),
    };
    let made = make(&before, &after, &options).map_err(|error| failed(new, &error))?;
    fs::write(out, &made.package).map_err(|error| failed(out, &error))?;
    let of = |size: u64| format!("{size:>12} {:>7}", percent(size, made.header.result_size));
    print(&format!(
        "image        {:>12}\nfull, packed {}\ndelta        {}\nmemory       {:>12}\n",
        made.header.result_size,
        of(made.full),
        of(made.header.package_size),
        made.header.memory()
    ));
    if made.is_worth_it() {
        print("applied, and the image came out: the delta is the smaller one\n");
        return Ok(());
    }
    Err((
        NOT_WORTH_IT,
        "applied, and the image came out, but the whole image packed is hardly larger: send that".into(),
    ))
}

fn run_apply(base: &Path, package: &Path, out: &Path, words: &Words) -> Result<(), (u8, String)> {
    let applied = apply(base, package, out, words.journal, words.memory)
        .map_err(|error| (error.code(), error.to_string()))?;
    print(&format!(
        "{} bytes, {} blocks made, {} kept, {} bytes of the package read\n",
        applied.size, applied.made, applied.kept, applied.read
    ));
    Ok(())
}

fn show(path: &Path) -> Result<(), (u8, String)> {
    let refused = |error: ApplyError| (error.code(), format!("{}: {error}", path.display()));
    let mut front = Vec::new();
    let file = File::open(path).map_err(|error| refused(error.into()))?;
    let size = file.metadata().map_err(|error| refused(error.into()))?.len();
    file.take(HEADER_LEN as u64).read_to_end(&mut front).map_err(|error| refused(error.into()))?;
    let front = front.first_chunk().ok_or_else(|| refused(DeltaError::Truncated.into()))?;
    let header = Header::parse(front).map_err(|error| refused(error.into()))?;
    if size != header.package_size {
        return Err(refused(DeltaError::PackageSize(header.package_size).into()));
    }
    print(&format!(
        "base         {:>12}  {}\nresult       {:>12}  {}\npackage      {:>12}  {} of the result\n\
         blocks       {:>12}  of {} bytes\ndictionary   {:>12}\nmemory       {:>12}\nheader                     {}\n",
        header.base_size,
        hex(&header.base),
        header.result_size,
        hex(&header.result),
        header.package_size,
        percent(header.package_size, header.result_size),
        header.blocks(),
        header.block_size(),
        1u32 << header.dictionary_log2,
        header.memory(),
        hex(&header.id())
    ));
    Ok(())
}

/// Hundredths of a percent are enough.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(10_000) / whole.max(1);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
