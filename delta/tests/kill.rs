// SPDX-License-Identifier: MIT OR Apache-2.0
//! Updates killed (SIGKILL): after every block of an image of OTAKIT_DELTA_EVERY_MIB (1), and OTAKIT_DELTA_KILLS times (10)
//! at random moments, with an image of OTAKIT_DELTA_MIB (1). `make kill-delta` does it with larger ones.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // What fails here fails the test.

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Dice, Folder, changed, command, image};
use otakit_core::delta::{HEADER_LEN, Header, POINT_LEN, Point};
use otakit_delta::{Options, make};

const KILL: i32 = 9;
const MIB: usize = 1 << 20;

struct Update {
    folder: Folder,
    old: Vec<u8>,
    new: Vec<u8>,
    package: Vec<u8>,
    header: Header,
}

impl Update {
    fn new(name: &str, size: usize) -> Self {
        let old = image(size, 11);
        let mut new = changed(&old, 11);
        new.truncate(size);
        // New bytes too, so that the package is longer than what is read at once.
        let mut dice = Dice(5);
        new[100_000..140_000].fill_with(|| (dice.next() >> 30) as u8);
        let package = make(&old, &new, &Options::for_size(new.len() as u64)).unwrap().package;
        let header = Header::parse(package.first_chunk().unwrap()).unwrap();
        let folder = Folder::new(name);
        folder.write("old", &old);
        folder.write("package", &package);
        Self { folder, old, new, package, header }
    }

    fn start(&self, package: &Path) -> Child {
        let (old, out) = (self.folder.at("old"), self.folder.at("out"));
        let mut command = command(&["apply", "--journal"], &[&old, package, &out]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    /// How many blocks the journal knows of. (A kill just after the result got its name leaves a record that fits nothing
    /// any more.)
    fn recorded(&self) -> u32 {
        let journal = fs::read(self.folder.at("out.journal")).unwrap_or_default();
        let made = fs::metadata(self.folder.at("out.part")).map_or(0, |part| part.len());
        let ends = |block| (0..block).map(|number| u64::from(self.header.block_len(number))).sum::<u64>();
        let at = |place: usize| Point::decode(journal.get(place..place + POINT_LEN)?);
        let blocks = [0, 4096].into_iter().filter_map(at).map(|point| point.block());
        blocks.filter(|block| ends(*block) <= made).max().unwrap_or(0)
    }

    /// Where each block ends in the package.
    fn ends(&self) -> Vec<usize> {
        let index = &self.package[HEADER_LEN..usize::try_from(self.header.blocks_at()).unwrap()];
        let mut at = HEADER_LEN + index.len();
        index
            .chunks(8)
            .map(|entry| {
                at += u32::from_le_bytes(entry[..4].try_into().unwrap()) as usize;
                at
            })
            .collect()
    }

    /// The base is what it was, and what has the result's name is the result.
    fn is_sound(&self) -> bool {
        let right = fs::read(self.folder.at("out")).is_ok_and(|out| out == self.new);
        assert!(right || !self.folder.at("out").exists(), "a wrong image has the result's name");
        assert!(fs::read(self.folder.at("old")).unwrap() == self.old, "the base was written");
        right
    }
}

#[test]
fn a_kill_after_every_block_costs_no_block() {
    let update = Update::new("every", setting("OTAKIT_DELTA_EVERY_MIB", 1) * MIB);
    let (ends, fifo) = (update.ends(), update.folder.at("fifo"));
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for block in 0..ends.len() {
        let mut child = update.start(&fifo);
        let mut pipe = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        // All of this block and half of the next.
        let next = ends.get(block + 1).unwrap_or(&ends[block]);
        pipe.write_all(&update.package[..(ends[block] + next) / 2]).unwrap();
        let begun = Instant::now();
        while update.recorded() <= u32::try_from(block).unwrap() {
            assert!(begun.elapsed() < Duration::from_secs(60), "block {block} never ends");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // The last block ends the update, if the end of the pipe is seen; here it is not.
        assert_eq!(status.signal(), Some(KILL), "{block}");
        assert!(!update.is_sound());
    }
    let blocks = update.header.blocks();
    let done = update.start(&update.folder.at("package")).wait_with_output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains(&format!("0 blocks made, {blocks} kept")), "{text}");
    assert!(done.status.success() && update.is_sound());
    println!("{blocks} kills, one after each block: no wrong image, no block made again");
}

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn kills_at_random_moments_cost_a_block_at_most() {
    let kills = setting("OTAKIT_DELTA_KILLS", 10);
    let update = Update::new("random", setting("OTAKIT_DELTA_MIB", 1) * MIB);
    let package = update.folder.at("package");
    // What is fetched again after a kill: the front, and one block at most.
    let starts = [vec![usize::try_from(update.header.blocks_at()).unwrap()], update.ends()].concat();
    let longest = starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(starts[0] + longest <= 64 * 1024, "{longest}");
    let begun = Instant::now();
    assert!(update.start(&package).wait().unwrap().success() && update.is_sound());
    let whole = begun.elapsed();
    let (mut dice, mut killed, mut finished) = (Dice(setting("OTAKIT_DELTA_SEED", 1) as u64), 0, 0);
    let mut before = update.header.blocks();
    while killed < kills {
        if update.is_sound() {
            finished += 1;
            fs::remove_file(update.folder.at("out")).unwrap();
            before = 0;
        }
        let mut child = update.start(&package);
        std::thread::sleep(whole.mul_f64(dice.below(1000) as f64 / 2000.0));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.signal() == Some(KILL) {
            killed += 1;
        } else {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && update.is_sound(), "{text}");
            assert!(text.contains(&format!(" {before} kept,")), "{text}, recorded: {before}");
        }
        // A record is never lost: what is kept only grows until the image is whole.
        let now = update.recorded();
        assert!(now >= before || update.is_sound(), "{now} after {before}");
        before = now;
    }
    let last = update.start(&package).wait().unwrap();
    assert!(last.success() && update.is_sound());
    println!(
        "{killed} kills at random, {} images of {} bytes: no wrong image",
        finished + 1,
        update.new.len()
    );
}
