// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud status`: the cloud's view of its devices.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::client::{Server, escaped};
use super::{Data, NOT_SUCCEEDED, print};
use crate::Failure;
use crate::data::model::{DeviceKey, Step, Update};
use crate::origin::views::{DeviceView, StatusView};
use crate::rollout::upgrade::State;

/// Which devices, and how to show them.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    data: Data,
    /// Product key
    #[arg(requires = "device")]
    product: Option<String>,
    /// Device name
    device: Option<String>,
    /// Print JSON with every progress report
    #[arg(long)]
    json: bool,
    /// Wait up to this long until the device's last update has ended; exit code 4 unless it succeeded
    #[arg(long, value_name = "SECONDS", requires = "device")]
    wait: Option<u64>,
}

/// Everything, or one device, from the server or from the database.
pub fn view(data: &Data, one: Option<&DeviceKey>) -> Result<StatusView, Failure> {
    if let Some(server) = Server::of(data)? {
        let path = match one {
            Some(key) => {
                format!("/api/status?product={}&device={}", escaped(&key.product), escaped(&key.device))
            }
            None => "/api/status".to_owned(),
        };
        let answer = server.get(&path)?;
        return serde_json::from_value(answer).map_err(|e| Failure::new(format!("odd answer: {e}")));
    }
    let (store, _lock) = data.store()?;
    StatusView::of(&store, one, None, |_| None)
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(options.wait.unwrap_or(0));
    let view = loop {
        let view = selected(options)?;
        let ended = view.devices.iter().all(|d| d.updates.last().is_some_and(|u| u.state.is_final()));
        if ended || Instant::now() >= deadline {
            break view;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if options.json {
        print(&view)?;
    } else {
        for line in table(&view.devices).lines() {
            say!("{}", crate::log::visible(line));
        }
    }
    let succeeded =
        view.devices.iter().all(|d| d.updates.last().is_some_and(|u| u.state == State::Succeeded));
    if options.wait.is_some() && !succeeded {
        return Err(Failure::with_code("the update did not succeed", NOT_SUCCEEDED));
    }
    Ok(())
}

fn selected(options: &Options) -> Result<StatusView, Failure> {
    let one = options.product.as_ref().zip(options.device.as_ref());
    let one = one.map(|(product, device)| DeviceKey::new(product, device));
    let view = view(&options.data, one.as_ref())?;
    match one {
        Some(key) if view.devices.is_empty() => Err(Failure::absent(format!("{key} is not registered"))),
        _ => Ok(view),
    }
}

fn table(devices: &[DeviceView]) -> String {
    let mut rows = vec![["DEVICE", "ONLINE", "VERSION", "UPDATE", "STATE", "PROGRESS"].map(str::to_owned)];
    for device in devices {
        let online = match device.online {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        let update = device.updates.last();
        rows.push([
            format!("{}/{}", device.product_key, device.device_name),
            online.to_owned(),
            device.version.clone().unwrap_or_else(|| "-".to_owned()),
            update
                .map(|u| format!("{} -> {}", u.from.as_deref().unwrap_or("?"), u.to))
                .unwrap_or_else(|| "-".to_owned()),
            update.map(state).unwrap_or_else(|| "-".to_owned()),
            update.map(|u| steps(&u.steps)).unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    aligned(&rows)
}

fn state(update: &Update) -> String {
    match &update.reason {
        Some(reason) => format!("{} ({reason})", update.state.name()),
        None => update.state.name().to_owned(),
    }
}

/// The percentages in order, each once, with long runs shortened: `0 8 16 .. 91 99 100`.
fn steps(steps: &[Step]) -> String {
    let mut seen: Vec<i32> = steps.iter().map(|s| s.step).collect();
    seen.dedup();
    let texts: Vec<String> = seen.iter().map(i32::to_string).collect();
    if texts.is_empty() {
        return "-".to_owned();
    }
    match (texts.get(..4), texts.get(texts.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if texts.len() > 12 => {
            format!("{} .. {} ({} steps)", first.join(" "), last.join(" "), texts.len())
        }
        _ => texts.join(" "),
    }
}

fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_shortened() {
        let make = |numbers: &[i32]| {
            let step = |n: &i32| Step { at: String::new(), step: *n, desc: String::new() };
            steps(&numbers.iter().map(step).collect::<Vec<_>>())
        };
        assert_eq!(make(&[]), "-");
        assert_eq!(make(&[0, 8, 8, 16, 100]), "0 8 16 100");
        let many: Vec<i32> = (0..=100).collect();
        assert_eq!(make(&many), "0 1 2 3 .. 97 98 99 100 (101 steps)");
    }

    #[test]
    fn columns_line_up() {
        let rows = [["A".to_owned(), "B".to_owned()], ["long".to_owned(), "b".to_owned()]];
        assert_eq!(aligned(&rows), "A     B\nlong  b\n");
    }
}
