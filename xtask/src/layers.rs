// SPDX-License-Identifier: MIT OR Apache-2.0
//! Holds the imports of `src/` against its layers: they go downward only, folders of one module form no circle, and what
//! knows no platform names none. `docs/ARCHITECTURE.md` has the same list of layers.
//!
//! Read are `use` declarations and paths that begin with `crate::` or `super::`, outside of comments and tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::Outcome;

/// The layers, top first. A module imports from layers below its own only; `otakit-core` is below all of them.
const LAYERS: [&[&str]; 9] = [
    &["bindings"],
    &["service"],
    &["engine"],
    &["fetch", "store", "mqtt"],
    &["hal"],
    &["net"],
    &["thread", "lab"],
    &["cancel", "system"],
    &["log"],
];

/// Files that are no module of the library: its root, what builds it, and what the fuzzer calls, which reaches everywhere.
const OUTSIDE: [&str; 3] = ["lib.rs", "build.rs", "fuzzing.rs"];

/// Modules that serve every platform and name none.
const NEUTRAL: [&str; 5] = ["engine", "fetch", "store", "mqtt", "net"];
const PLATFORMS: [&str; 5] = ["aliyun", "onenet", "quectel", "haas", "linkkit"];

/// Modules whose parts are looked at for circles.
const DIVIDED: [&str; 2] = ["bindings", "service"];

/// Circles that are there on purpose or not taken apart yet: module, its parts in alphabetical order, and why.
const CIRCLES: [(&str, &[&str], &str); 0] = [];

/// Judges the sources below `root`.
pub fn run(root: &Path) -> Outcome {
    let mut wrong = Vec::new();
    let mut parts: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let src = root.join("src");
    for file in rust_files(&src)? {
        let inside = file.strip_prefix(&src).unwrap_or(&file).to_path_buf();
        if OUTSIDE.iter().any(|name| inside == Path::new(name)) || is_test(&inside) {
            continue;
        }
        let text = read(&file)?;
        let code = without_tests(&text);
        let here = module_of(&inside);
        let Some(top) = here.first().cloned() else { continue };
        let shown = format!("src/{}", inside.display());
        let Some(own) = rank(&top) else {
            wrong.push(format!("{shown}: {top} is in no layer (xtask/src/layers.rs)"));
            continue;
        };
        for path in paths(&without_comments(&code), &here) {
            let Some(other) = path.first() else { continue };
            match rank(other) {
                Some(below) if *other != top && below <= own => {
                    wrong.push(format!("{shown}: imports {}, which is not below {top}", path.join("::")));
                }
                _ => {}
            }
            if *other == top
                && let (Some(from), Some(to)) = (here.get(1), path.get(1))
                && from != to
            {
                let graph = parts.entry(top.clone()).or_default();
                graph.entry(from.clone()).or_default().insert(to.clone());
            }
        }
        if NEUTRAL.contains(&top.as_str()) {
            wrong.extend(names(&code).map(|name| format!("{shown}: names the platform {name}")));
        }
    }
    for module in DIVIDED {
        let folder = src.join(module);
        let graph = parts.remove(module).unwrap_or_default();
        // A name that is no file or folder of the module is an item of its root.
        let is_part =
            |name: &String| folder.join(name).is_dir() || folder.join(name).with_extension("rs").is_file();
        for circle in circles(&graph, &is_part) {
            if !CIRCLES.iter().any(|(of, known, _)| *of == module && **known == circle[..]) {
                wrong.push(format!("src/{module}: these import each other: {}", circle.join(", ")));
            }
        }
    }
    wrong.extend(core(root)?);
    wrong.extend(document(root)?);
    if wrong.is_empty() {
        let modules = LAYERS.iter().map(|layer| layer.len()).sum::<usize>();
        println!("layers: {modules} modules in {} layers, {} known circles", LAYERS.len(), CIRCLES.len());
        return Ok(());
    }
    Err(format!("layers:\n{}", wrong.join("\n")))
}

/// In `core/`, what is not about a platform imports and names none.
fn core(root: &Path) -> Result<Vec<String>, String> {
    let src = root.join("core/src");
    let mut wrong = Vec::new();
    for file in rust_files(&src)? {
        let inside = file.strip_prefix(&src).unwrap_or(&file);
        if inside.starts_with("platform") || is_test(inside) {
            continue;
        }
        let text = read(&file)?;
        let code = without_comments(&without_tests(&text));
        if code.contains("crate::platform") || names(&code).next().is_some() {
            wrong.push(format!("core/src/{}: knows a platform", inside.display()));
        }
    }
    Ok(wrong)
}

/// The table of layers in the document is the list here.
fn document(root: &Path) -> Result<Vec<String>, String> {
    let text = read(&root.join("docs/ARCHITECTURE.md"))?;
    let rows = text.lines().skip_while(|line| !line.starts_with("| layer |")).skip(2);
    let table: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('`').skip(1).step_by(2).collect())
        .collect();
    let same = table.len() == LAYERS.len() && table.iter().zip(LAYERS).all(|(row, layer)| **row == *layer);
    let wrong = format!("docs/ARCHITECTURE.md: its layers are {table:?}, those of xtask are {LAYERS:?}");
    Ok(if same { Vec::new() } else { vec![wrong] })
}

/// A module's layer; what is no module of the crate (an item of its root) has none.
fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file is compiled for tests only, by its name.
fn is_test(inside: &Path) -> bool {
    inside.iter().filter_map(|part| part.to_str()).any(|part| {
        let stem = part.strip_suffix(".rs").unwrap_or(part);
        matches!(stem, "tests" | "props" | "test_double") || stem.ends_with("_tests")
    })
}

/// The module that a file is: `["engine", "session"]` for `engine/session.rs`.
fn module_of(inside: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        inside.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// What comes before the tests at a file's end.
fn without_tests(text: &str) -> String {
    let end = text
        .match_indices("#[cfg(test)]\n")
        .find(|(at, mark)| text[at + mark.len()..].lines().next().is_some_and(|line| line.ends_with('{')))
        .map_or(text.len(), |(at, _)| at);
    text[..end].to_owned()
}

fn without_comments(code: &str) -> String {
    let line = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    code.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Platforms that are named, each once.
fn names(code: &str) -> impl Iterator<Item = &'static str> {
    let lower = code.to_ascii_lowercase();
    PLATFORMS.into_iter().filter(move |name| lower.contains(name))
}

/// Paths within the crate, taken apart, from the crate's root on.
fn paths(code: &str, here: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$')) {
                continue;
            }
            // What a file says of `super` is meant from the file's own module.
            let mut base: Vec<String> = if start == "super::" { here.to_vec() } else { Vec::new() };
            let mut rest = &code[at..];
            while let Some(tail) = rest.strip_prefix("super::") {
                base.pop();
                rest = tail;
            }
            leaves(rest.strip_prefix("crate::").unwrap_or(rest), &base, &mut found);
        }
    }
    found
}

/// The paths of a tree such as `engine::{Download, session::{Put, Read}}`, whose names stand behind `base`.
fn leaves(tree: &str, base: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = base.to_vec();
    let mut rest = tree;
    loop {
        if let Some(inside) = rest.strip_prefix('{') {
            let (mut depth, mut from) = (0, 0);
            for (at, c) in inside.char_indices() {
                match c {
                    '{' => depth += 1,
                    ',' | '}' if depth == 0 => {
                        leaves(inside[from..at].trim(), &path, found);
                        from = at + 1;
                        if c == '}' {
                            return;
                        }
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
            return;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        match name {
            // In a group: the module itself.
            "self" => return found.push(path),
            "" => {}
            name => path.push(name.to_owned()),
        }
        match tail.strip_prefix("::") {
            Some(tail) => rest = tail,
            None => break,
        }
    }
    if path.len() > base.len() {
        found.push(path);
    }
}

/// Groups of parts that reach each other.
fn circles(
    graph: &BTreeMap<String, BTreeSet<String>>,
    is_part: &dyn Fn(&String) -> bool,
) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().filter(|name| is_part(name)).map(|name| (name, reached(graph, name, is_part))).collect();
    let mut groups = BTreeSet::new();
    for (name, to) in &reach {
        let group: Vec<String> = to
            .iter()
            .filter(|other| reach.get(**other).is_some_and(|back| back.contains(name)))
            .map(|other| (*other).clone())
            .collect();
        if group.len() > 1 {
            groups.insert(group);
        }
    }
    groups.into_iter().collect()
}

/// Parts that `start` imports, directly or not; itself only where a circle leads back.
fn reached<'g>(
    graph: &'g BTreeMap<String, BTreeSet<String>>,
    start: &String,
    is_part: &dyn Fn(&String) -> bool,
) -> BTreeSet<&'g String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(name) = open.pop() {
        for next in graph.get(name).into_iter().flatten().filter(|next| is_part(next)) {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str, here: &[&str]) -> Vec<String> {
        let here: Vec<String> = here.iter().map(|part| (*part).to_owned()).collect();
        paths(&without_comments(code), &here).into_iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        assert_eq!(
            found("use crate::net::{Dial, tls::{self, x509}};", &["fetch"]),
            ["net::Dial", "net::tls", "net::tls::x509"]
        );
        assert_eq!(found("use crate::{cancel::Cancel, log};", &["fetch"]), ["cancel::Cancel", "log"]);
        assert_eq!(found("crate::log!(Info)", &["fetch"]), ["log"]);
        assert_eq!(found("use super::super::engine::Session;", &["service", "haas"]), ["engine::Session"]);
        assert_eq!(found("fn f() -> super::Error {}", &["service", "haas"]), ["service::Error"]);
        assert!(
            found("// crate::net\nuse otakit_core::net::NetError; $crate::log!()", &["fetch"]).is_empty()
        );
    }

    #[test]
    fn tests_do_not_count() {
        let text = "use crate::net;\n#[cfg(test)]\nuse crate::hal;\n#[cfg(test)]\nmod tests {\n use crate::bindings;\n}\n";
        assert!(!without_tests(text).contains("bindings") && without_tests(text).contains("net"));
        assert!(is_test(Path::new("mqtt/tests/broker.rs")) && is_test(Path::new("hal/tcp_tests.rs")));
        assert!(!is_test(Path::new("engine/session.rs")));
    }

    #[test]
    fn circles_are_found() {
        let graph = |edges: &[(&str, &str)]| {
            let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (from, to) in edges {
                graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            }
            circles(&graph, &|_| true)
        };
        assert!(graph(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
        assert_eq!(graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]), [["a", "b", "c"]]);
        assert!(names("QUECTEL").eq(["quectel"]) && names("a neutral text").next().is_none());
    }
}
