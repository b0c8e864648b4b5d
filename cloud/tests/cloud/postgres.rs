// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PostgreSQL server of the test's own, on loopback, and what is special about it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::hub::{Raw, publish, sign_in, sign_in_as};
use crate::support::{Cloud, DEVICE, PATIENCE, PRODUCT, SECRET, http};

/// A server with an empty database `cloud`.
pub struct Postgres {
    dir: PathBuf,
    port: u16,
    process: Child,
}

/// Debian keeps the programs where no path leads.
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries.flatten().map(|e| e.path().join("bin").join(name)).filter(|p| p.exists()).collect()
        })
        .unwrap_or_default();
    versions.sort();
    versions.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// PostgreSQL refuses to run as root: then it runs as nobody.
fn command(name: &str) -> Command {
    let program = program(name);
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(program);
    command
}

fn give_to_nobody(dir: &Path) {
    // Without the right to do so it is ours, and so is the server.
    let _ = Command::new("chown").arg("65534:65534").arg(dir).stderr(Stdio::null()).status();
}

impl Postgres {
    pub fn start(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-postgres-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        give_to_nobody(&dir);
        let data = dir.join("data");
        let made = command("initdb")
            .current_dir(&dir)
            .args(["--auth", "trust", "--username", "cloud", "--encoding", "UTF8", "--locale", "C", "-D"])
            .arg(&data)
            .output()
            .expect("PostgreSQL is needed: install Debian's postgresql");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Self::run(&dir, port);
        let postgres = Self { dir, port, process };
        postgres.ready();
        postgres
    }

    fn run(dir: &Path, port: u16) -> Child {
        let log =
            std::fs::File::create(dir.join("log")).or_else(|_| std::fs::File::create("/dev/null")).unwrap();
        command("postgres")
            .current_dir(dir)
            .arg("-D")
            .arg(dir.join("data"))
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn ready(&self) {
        let start = Instant::now();
        loop {
            let made = Command::new(program("createdb"))
                .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "cloud", "cloud"])
                .output()
                .unwrap();
            if made.status.success() || String::from_utf8_lossy(&made.stderr).contains("already exists") {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{}", String::from_utf8_lossy(&made.stderr));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything in the database, as statements.
    pub fn dump(&self) -> Vec<u8> {
        let dump = Command::new(program("pg_dump"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "cloud", "--inserts", "cloud"])
            .output()
            .unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        dump.stdout
    }

    /// Takes no changes, or takes them again; sessions that are open know it at once.
    pub fn read_only(&self, on: bool) {
        for sql in
            [&format!("ALTER SYSTEM SET default_transaction_read_only = {on}"), "SELECT pg_reload_conf()"]
        {
            let done = Command::new(program("psql"))
                .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "cloud", "-c", sql, "cloud"])
                .output()
                .unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }

    pub fn url(&self) -> String {
        format!("postgres://cloud:not-a-secret@127.0.0.1:{}/cloud", self.port)
    }

    fn stop(&mut self) {
        // SIGINT is PostgreSQL's word for "now, but orderly".
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn another_server_on_the_same_database_and_a_database_that_restarts() {
    let mut postgres = Postgres::start("two");
    let mut first = Cloud::on("first", &postgres.url());
    first.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (broker, _) = first.serve(&["--mqtt", "127.0.0.1:0"]);
    let second = Cloud::on("second", &postgres.url());
    let refused = second.run(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("another otakit-cloud works on it"), "{said}");
    assert!(!said.contains("not-a-secret"), "{said}");

    postgres.stop();
    let add = ["device", "add", PRODUCT, "later", SECRET];
    let lost = first.run(&add);
    assert_eq!(lost.status.code(), Some(1), "nothing is kept while the database is away");
    postgres.process = Postgres::run(&postgres.dir, postgres.port);
    postgres.ready();
    let start = Instant::now();
    while !first.run(&add).status.success() {
        assert!(start.elapsed() < PATIENCE, "the server does not find its database again");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(first.ok(&["device", "list"]).contains("later"));
    let inform = format!("/ota/device/inform/{PRODUCT}/{DEVICE}");
    let (client, mut connection) = crate::support::device(&broker, crate::support::PASSWORD, true);
    client.publish(inform, rumqttc::QoS::AtLeastOnce, false, r#"{"params":{"version":"4.2"}}"#).unwrap();
    crate::support::wait(&mut connection, |p| matches!(p, rumqttc::Packet::PubAck(_)).then_some(()));
    assert!(first.ok(&["device", "list"]).contains("4.2"));
}

#[test]
fn while_the_database_is_away_devices_are_told_to_try_again() {
    let mut postgres = Postgres::start("away");
    let mut cloud = Cloud::on("away", &postgres.url());
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let signing_in = sign_in(DEVICE, SECRET, true);
    let mut device = Raw::connect(&broker, &signing_in);
    assert_eq!(device.next().unwrap(), [0x20, 2, 0, 0]);
    postgres.stop();
    let inform = format!("/ota/device/inform/{PRODUCT}/{DEVICE}");
    let report = publish(&inform, r#"{"params":{"version":"4.1"}}"#, 7);
    device.send(&report);
    assert_eq!(
        device.next(),
        None,
        "a report that was not kept is not acknowledged: the device sends it again"
    );
    let mut refused = Raw::connect(&broker, &signing_in);
    assert_eq!(refused.next().unwrap(), [0x20, 2, 0, 3], "devices take every other code for final");
    let registering = sign_in_as("x|authType=register,a=b", DEVICE, SECRET, true, None);
    assert_eq!(Raw::connect(&broker, &registering).next().unwrap(), [0x20, 2, 0, 3]);
    postgres.process = Postgres::run(&postgres.dir, postgres.port);
    postgres.ready();
    let start = Instant::now();
    let mut device = loop {
        let mut device = Raw::connect(&broker, &signing_in);
        if device.next().unwrap() == [0x20, 2, 0, 0] {
            break device;
        }
        assert!(start.elapsed() < PATIENCE, "the server does not find its database again");
        std::thread::sleep(Duration::from_millis(100));
    };
    device.send(&report);
    assert_eq!(device.next().unwrap(), [0x40, 2, 0, 7]);
    assert!(cloud.ok(&["device", "list"]).contains("4.1"));
}

#[test]
fn a_database_that_takes_no_changes_is_not_ready() {
    let postgres = Postgres::start("read-only");
    let mut cloud = Cloud::on("read-only", &postgres.url());
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    for (read_only, wanted) in [(false, "200"), (true, "503"), (false, "200")] {
        postgres.read_only(read_only);
        let start = Instant::now();
        loop {
            let (head, _) = http(&origin, "GET", "/readyz", "");
            if head.starts_with(&format!("http/1.1 {wanted}")) {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{head}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
