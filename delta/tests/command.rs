// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command, as a build system or a device would call it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // What fails here fails the test.

mod common;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Output;

use common::{Folder, changed, command, image};
use otakit_core::delta::{HEADER_LEN, Header};

fn run(words: &[&str], files: &[&Path]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command(words, files).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A folder with `old`, `new` and `package`, of ten blocks.
fn prepared(name: &str) -> Folder {
    let folder = Folder::new(name);
    let old = folder.write("old", &image(40_000, 1));
    let new = folder.write("new", &changed(&fs::read(&old).unwrap(), 1));
    let made = run(&["make", "--block", "12", "--dictionary", "12"], &[&old, &new, &folder.at("package")]);
    assert_eq!(made.0, Some(0), "{}", made.1);
    folder
}

fn apply(folder: &Folder, words: &[&str]) -> (Option<i32>, String) {
    run(&[&["apply"], words].concat(), &[&folder.at("old"), &folder.at("package"), &folder.at("out")])
}

fn same(folder: &Folder) -> bool {
    fs::read(folder.at("out")).unwrap() == fs::read(folder.at("new")).unwrap()
}

#[test]
fn made_shown_and_applied() {
    let folder = prepared("command");
    let shown = run(&["show"], &[&folder.at("package")]);
    let size = fs::metadata(folder.at("new")).unwrap().len();
    assert_eq!(shown.0, Some(0));
    for part in [format!("result {size:>18}"), "of 4096 bytes".into(), "dictionary           4096".into()] {
        assert!(shown.1.contains(&part), "{part}: {}", shown.1);
    }
    for words in [&["--journal"][..], &[]] {
        let (code, text) = apply(&folder, words);
        assert!(code == Some(0) && text.contains(" blocks made, 0 kept"), "{text}");
        assert!(same(&folder) && !folder.at("out.part").exists() && !folder.at("out.journal").exists());
    }
}

#[test]
fn what_fails_has_a_code_and_leaves_no_result() {
    let folder = prepared("codes");
    let package = fs::read(folder.at("package")).unwrap();
    let old = fs::read(folder.at("old")).unwrap();
    let with = |bytes: &[u8], code: i32| {
        folder.write("package", bytes);
        let (found, text) = apply(&folder, &[]);
        assert_eq!(found, Some(code), "{text}");
        assert!(!folder.at("out").exists() && !folder.at("out.part").exists());
    };
    with(&package[..100], 4);
    with(&package[..package.len() - 1], 8);
    with(&[&package[..], b"x"].concat(), 8);
    with(b"BSDIFF40", 4);
    with(&[&b"BSDIFF40"[..], &[0; 200]].concat(), 5);
    let mut damaged = package.clone();
    *damaged.last_mut().unwrap() ^= 0x55;
    with(&damaged, 8);
    folder.write("package", &package);
    let (code, text) = apply(&folder, &["--memory", "4096"]);
    assert!(code == Some(6) && text.contains("bytes of memory"), "{text}");
    folder.write("old", &old[..old.len() - 1]);
    assert_eq!(apply(&folder, &[]).0, Some(3));
    folder.write("old", &[&old[1..], &old[..1]].concat());
    let (code, text) = apply(&folder, &["--journal"]);
    assert!(code == Some(3) && text.contains("not the one this delta was made for"), "{text}");
    assert_eq!(
        fs::metadata(folder.at("out.part")).unwrap().len(),
        0,
        "nothing is written before the base is known"
    );
    folder.write("old", &old);
    assert_eq!(apply(&folder, &[]).0, Some(0));
    assert!(same(&folder));
    for words in [&[][..], &["apply"], &["make", "--block"], &["show", "--what"], &["other"]] {
        let (code, text) = run(words, &[]);
        assert!(code == Some(2) && text.contains("usage: otakit-delta"), "{text}");
    }
}

#[test]
fn the_base_is_never_written_by_whatever_name() {
    let folder = prepared("names");
    let old = fs::read(folder.at("old")).unwrap();
    fs::hard_link(folder.at("old"), folder.at("hard")).unwrap();
    std::os::unix::fs::symlink(folder.at("old"), folder.at("soft")).unwrap();
    std::os::unix::fs::symlink(folder.at("old"), folder.at("inner.part")).unwrap();
    fs::hard_link(folder.at("old"), folder.at("kept.journal")).unwrap();
    for out in ["old", "hard", "soft", "inner", "kept", "package"] {
        let found =
            run(&["apply", "--journal"], &[&folder.at("old"), &folder.at("package"), &folder.at(out)]);
        assert_eq!(found.0, Some(9), "{out}: {}", found.1);
        assert!(fs::read(folder.at("old")).unwrap() == old, "{out}");
    }
    let there = run(&["apply"], &[&folder.at("old"), &folder.at("package"), Path::new("/dev/null")]);
    assert_eq!(there.0, Some(9), "{}", there.1);
}

#[test]
fn whole_images_are_better_sometimes() {
    let folder = Folder::new("worth");
    let (old, new) = (folder.write("old", &image(30_000, 1)), folder.write("new", &image(30_000, 2)));
    let (code, text) = run(&["make"], &[&old, &new, &folder.at("package")]);
    assert!(code == Some(20) && text.contains("full, packed"), "{text}");
    assert_eq!(run(&["make", "--block", "21"], &[&old, &new, &folder.at("package")]).0, Some(1));
}

/// Applies with a journal what ends after `len` bytes of the package: a break.
fn broken_off(folder: &Folder, len: usize) {
    let package = fs::read(folder.at("package")).unwrap();
    let fifo = folder.at("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut child =
        command(&["apply", "--journal"], &[&folder.at("old"), &fifo, &folder.at("out")]).spawn().unwrap();
    fs::write(&fifo, &package[..len]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    fs::remove_file(fifo).unwrap();
}

#[test]
fn it_goes_on_only_with_what_belongs_together() {
    let folder = prepared("belongs");
    let package = fs::read(folder.at("package")).unwrap();
    let header = Header::parse(package[..HEADER_LEN].try_into().unwrap()).unwrap();
    let made = |kept: u32| format!("{} blocks made, {kept} kept", header.blocks() - kept);
    let again = |kept: u32, what: &str| {
        let (code, text) = apply(&folder, &["--journal"]);
        assert!(code == Some(0) && text.contains(&made(kept)) && same(&folder), "{what}: {text}");
        fs::remove_file(folder.at("out")).unwrap();
    };
    let most = package.len() - 10;
    let last = header.blocks() - 1;
    broken_off(&folder, most);
    again(last, "as it was left");
    broken_off(&folder, most);
    let journal = || fs::OpenOptions::new().write(true).open(folder.at("out.journal")).unwrap();
    let latest = if last.is_multiple_of(2) { 4096 } else { 0 };
    journal().write_all_at(&[0; 60], latest).unwrap();
    again(last - 1, "the latest record torn");
    broken_off(&folder, most);
    fs::OpenOptions::new().write(true).open(folder.at("out.part")).unwrap().write_all_at(b"!", 9).unwrap();
    again(0, "other bytes in the part");
    broken_off(&folder, most);
    fs::File::options().write(true).open(folder.at("out.part")).unwrap().set_len(4096 * 3).unwrap();
    again(0, "records newer than the bytes");
    broken_off(&folder, most);
    fs::write(folder.at("out.journal"), b"nonsense").unwrap();
    again(0, "no record");
    // Another package for the same place: the same images, other blocks.
    broken_off(&folder, most);
    let new = folder.at("new");
    assert_eq!(run(&["make", "--block", "13"], &[&folder.at("old"), &new, &folder.at("package")]).0, Some(0));
    let (code, text) = apply(&folder, &["--journal"]);
    assert!(code == Some(0) && text.contains(", 0 kept") && same(&folder), "{text}");
}

#[test]
fn one_process_at_a_time() {
    let folder = prepared("busy");
    let fifo = folder.at("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut first =
        command(&["apply", "--journal"], &[&folder.at("old"), &fifo, &folder.at("out")]).spawn().unwrap();
    let package = fs::read(folder.at("package")).unwrap();
    let mut pipe = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    std::io::Write::write_all(&mut pipe, &package[..package.len() / 2]).unwrap();
    while !folder.at("out.part").exists() || fs::metadata(folder.at("out.part")).unwrap().len() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(apply(&folder, &["--journal"]).0, Some(10));
    std::io::Write::write_all(&mut pipe, &package[package.len() / 2..]).unwrap();
    drop(pipe);
    assert!(first.wait().unwrap().success() && same(&folder));
}
