// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud job …`: roll-outs, by the server's API.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Server, escaped};
use super::onenet::{Kind, Terms};
use super::{Data, no_server, print};
use crate::Failure;
use crate::data::configs::{self, CONFIG};
use crate::data::import;
use crate::origin::jobs::{JobView, RollBackView};
use crate::rollout::spec::{Spec, Stage};
use crate::rollout::window::Window;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a job, a draft
    Create(Plan),
    /// Show which devices a job like this would reach
    Preview {
        #[command(flatten)]
        plan: Plan,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List jobs, the newest first
    List {
        #[command(flatten)]
        data: Data,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a job with its devices and the reasons of failures
    Show {
        #[command(flatten)]
        one: One,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Try the firmware on the devices that were chosen for that
    Verify(One),
    /// Agree to a job
    Approve(One),
    /// Begin
    Start(One),
    /// Stop to begin devices; those at work go on
    Pause(One),
    /// Go on
    Resume(One),
    /// Call it off; devices at work go on
    Cancel(One),
    /// Try the devices again that failed, timed out or were called off
    Retry(One),
    /// Offer each device of a job the version that it had before; what the job has not begun is called off
    Rollback {
        #[command(flatten)]
        one: One,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A job by its number.
#[derive(Debug, clap::Args)]
pub struct One {
    #[command(flatten)]
    data: Data,
    /// The job's number
    id: i64,
}

/// A job to be.
#[derive(Debug, clap::Args)]
pub struct Plan {
    #[command(flatten)]
    data: Data,
    /// Product key
    product: String,
    /// Version of a firmware that was added, or with `--module '$config'` the id of a configuration that was
    #[arg(long, required_unless_present = "config")]
    version: Option<String>,
    /// A file that devices get as their configuration, in place of firmware
    #[arg(long, value_name = "FILE", conflicts_with_all = ["version", "module", "onenet"])]
    config: Option<PathBuf>,
    /// The module that it is for, in place of the devices themselves
    #[arg(long)]
    module: Option<String>,
    /// What people call the job
    #[arg(long, default_value = "")]
    name: String,
    /// A device to verify on first; may be repeated
    #[arg(long, value_name = "DEVICE")]
    verify: Vec<String>,
    /// A device that gets it; may be repeated; all of the product by default
    #[arg(long, value_name = "DEVICE")]
    device: Vec<String>,
    /// A group that gets it; may be repeated
    #[arg(long, value_name = "GROUP")]
    tag: Vec<String>,
    /// Only devices that run this version; may be repeated
    #[arg(long, value_name = "VERSION")]
    source: Vec<String>,
    /// A part of the devices, the same ones each time
    #[arg(long, value_name = "1-100")]
    percent: Option<u8>,
    /// Devices that come to match later join
    #[arg(long)]
    dynamic: bool,
    /// A gray step: so many percent of the devices, and the percentage that must succeed before the next; may be repeated
    #[arg(long, value_name = "PERCENT[:SUCCESS]", value_parser = stage)]
    stage: Vec<Stage>,
    /// Stop when this part of the devices failed
    #[arg(long, value_name = "1-100")]
    error_percent: Option<u8>,
    /// But not before so many came to an end
    #[arg(long, value_name = "DEVICES", default_value_t = 1)]
    error_min: u32,
    /// Time for a device from its first progress report on; for a configuration, from the push on
    #[arg(long, value_name = "MINUTES")]
    timeout: Option<u32>,
    /// How often a device that failed is given another try
    #[arg(long, default_value_t = 0)]
    retries: u32,
    /// Time before that
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    retry_after: u32,
    /// Devices that begin in a minute
    #[arg(long, value_name = "DEVICES")]
    rate: Option<u32>,
    /// Hours of the day within which devices begin, in UTC or with an offset in minutes
    #[arg(long, value_name = "HH:MM-HH:MM[+MINUTES]", value_parser = window)]
    window: Option<Window>,
    /// The devices are OneNET's, and each gets a task: of the module's firmware or of the application
    #[arg(long, value_name = "KIND")]
    onenet: Option<Kind>,
    #[command(flatten)]
    terms: Terms,
}

fn stage(text: &str) -> Result<Stage, String> {
    let (percent, success) = text.split_once(':').unwrap_or((text, "100"));
    let number = |text: &str| text.parse::<u8>().map_err(|_| format!("{text:?} is no percentage"));
    Ok(Stage { percent: number(percent)?, success: number(success)? })
}

fn window(text: &str) -> Result<Window, String> {
    let odd = || format!("{text:?} is not like 22:00-05:30 or 22:00-05:30+480");
    let (from, rest) = text.split_at_checked(5).ok_or_else(odd)?;
    let (to, offset) = rest.strip_prefix('-').and_then(|rest| rest.split_at_checked(5)).ok_or_else(odd)?;
    let utc_offset = if offset.is_empty() { 0 } else { offset.parse().map_err(|_| odd())? };
    Ok(Window { from: from.to_owned(), to: to.to_owned(), utc_offset })
}

impl Plan {
    /// What the API is told. With `keep` a configuration is given to the server first.
    fn body(self, server: &Server, keep: bool) -> Result<Value, Failure> {
        let (version, module) = match &self.config {
            None => (self.version, self.module),
            Some(file) => {
                let id = if keep { kept(server, &self.product, file)? } else { id_of_file(file)? };
                (Some(id), Some(CONFIG.to_owned()))
            }
        };
        let spec = Spec {
            verify: self.verify,
            devices: self.device,
            tags: self.tag,
            source_versions: self.source,
            percent: self.percent,
            dynamic: self.dynamic,
            stages: self.stage,
            error_percent: self.error_percent,
            error_min: self.error_min,
            timeout_minutes: self.timeout,
            retries: self.retries,
            retry_minutes: self.retry_after,
            rate_per_minute: self.rate,
            window: self.window,
            onenet: self.onenet.map(|kind| self.terms.of(kind)),
        };
        Ok(
            json!({ "name": self.name, "product": self.product, "version": version, "module": module, "spec": spec }),
        )
    }
}

/// Gives a configuration to the server; its id.
fn kept(server: &Server, product: &str, file: &Path) -> Result<String, Failure> {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let path = format!("/api/config/file?product={}&name={}", escaped(product), escaped(&name));
    Ok(super::text_of(&server.upload(&path, file)?, "version"))
}

/// The id that a configuration has, or would have.
fn id_of_file(file: &Path) -> Result<String, Failure> {
    let (_, _, sha256) = import::digests(file)?;
    Ok(configs::id_of(&sha256).to_owned())
}

fn server(data: &Data) -> Result<Server, Failure> {
    Server::of(data)?.ok_or_else(no_server)
}

fn view(answer: Value) -> Result<JobView, Failure> {
    serde_json::from_value(answer).map_err(|e| Failure::new(format!("odd answer: {e}")))
}

fn line(view: &JobView) -> String {
    let (job, counts) = (&view.job, &view.counts);
    let module = match job.module.as_deref() {
        None => String::new(),
        Some(CONFIG) => " configuration".to_owned(),
        Some(module) => format!(" module {module}"),
    };
    let reason = job.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let name = if job.name.is_empty() { String::new() } else { format!(" {:?}", job.name) };
    format!(
        "job {}{name}: {}{module} to {}, {}{reason}; {} waiting, {} running, {} succeeded, {} failed, {} left out",
        job.id,
        job.product_key,
        job.version,
        job.state.name(),
        counts.waiting,
        counts.running,
        counts.succeeded,
        counts.failed,
        counts.dropped
    )
}

/// Runs the command.
pub fn run(command: Command) -> Result<(), Failure> {
    let (one, action) = match command {
        Command::Create(plan) => {
            let server = server(&plan.data)?;
            let body = plan.body(&server, true)?;
            say!("{}", line(&view(server.post("/api/jobs", &body)?)?));
            return Ok(());
        }
        Command::Preview { plan, json } => {
            let server = server(&plan.data)?;
            let body = plan.body(&server, false)?;
            let answer = server.post("/api/jobs/preview", &body)?;
            if json {
                return print(&answer);
            }
            for device in answer.get("devices").and_then(Value::as_array).into_iter().flatten() {
                say!("{} stage {}", super::text_of(device, "device_name"), super::text_of(device, "stage"));
            }
            return Ok(());
        }
        Command::List { data, json } => {
            let answer = server(&data)?.get("/api/jobs")?;
            if json {
                print(&answer)?;
            } else {
                for job in answer.as_array().into_iter().flatten() {
                    say!("{}", line(&view(job.clone())?));
                }
            }
            return Ok(());
        }
        Command::Show { one, json } => {
            let answer = server(&one.data)?.get(&format!("/api/jobs/{}", one.id))?;
            if json {
                return print(&answer);
            }
            let view = view(answer)?;
            say!("{}", line(&view));
            for (reason, count) in &view.failures {
                say!("failed: {count} devices: {reason}");
            }
            for device in &view.devices {
                let progress = device.progress.map(|n| format!(" {n} %")).unwrap_or_default();
                let reason = device.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let stage =
                    if device.stage < 0 { "trial".to_owned() } else { format!("stage {}", device.stage + 1) };
                say!("{} {stage} {}{progress}{reason}", device.device_name, device.state);
            }
            return Ok(());
        }
        Command::Rollback { one, json } => {
            let answer = server(&one.data)?.post(&format!("/api/jobs/{}/rollback", one.id), &json!({}))?;
            if json {
                return print(&answer);
            }
            let done: RollBackView =
                serde_json::from_value(answer).map_err(|e| Failure::new(format!("odd answer: {e}")))?;
            for job in &done.jobs {
                say!("{}", line(job));
            }
            for device in &done.left_out {
                say!("{} stays as it is: {}", device.device_name, device.reason);
            }
            if done.auto_ended {
                eprintln!("note: devices are no longer offered the job's firmware unasked");
            }
            return Ok(());
        }
        Command::Verify(one) => (one, "verify"),
        Command::Approve(one) => (one, "approve"),
        Command::Start(one) => (one, "start"),
        Command::Pause(one) => (one, "pause"),
        Command::Resume(one) => (one, "resume"),
        Command::Cancel(one) => (one, "cancel"),
        Command::Retry(one) => (one, "retry"),
    };
    let answer = server(&one.data)?.post(&format!("/api/jobs/{}/{action}", one.id), &json!({}))?;
    say!("{}", line(&view(answer)?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line() {
        assert_eq!(stage("10:90"), Ok(Stage { percent: 10, success: 90 }));
        assert_eq!(stage("100"), Ok(Stage { percent: 100, success: 100 }));
        assert!(stage("x").is_err() && stage("10:300").is_err());
        let night = window("22:00-05:30+480").unwrap();
        assert_eq!((night.from.as_str(), night.to.as_str(), night.utc_offset), ("22:00", "05:30", 480));
        assert_eq!(window("22:00-05:30-60").unwrap().utc_offset, -60);
        for odd in ["", "22:00", "22:00-", "22:00-05:30x"] {
            assert!(window(odd).is_err(), "{odd}");
        }
    }
}
