// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pieces that several pages are made of.

use maud::{Markup, html};

use super::frame::Visitor;
use super::lang::thousands;
use super::messages::Msg;
use super::read::Paged;
use crate::data::configs::CONFIG;
use crate::data::time;
use crate::rollout::job;
use crate::rollout::spec::Counts;

/// An instant, in the browser's own time where scripts run.
pub fn instant(ms: i64) -> Markup {
    let text = time::text(ms);
    html! { time datetime=(text) { (text.get(..19).unwrap_or_default().replace('T', " ")) " UTC" } }
}

/// An instant that is kept as text.
pub fn when(text: Option<&str>) -> Markup {
    match text.and_then(time::parse) {
        Some(ms) => instant(ms),
        None => html! { "—" },
    }
}

/// Text that a device has sent: control and direction marks are shown, not obeyed.
pub fn foreign(text: &str) -> Markup {
    html! { bdi hx-disable { (visible(text)) } }
}

/// Characters that could hide what a text says, spelled out.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if (c.is_control() && c != '\n') || hidden {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// What a module is called; the module of configurations has no name for people.
pub fn module(v: &Visitor, name: &str) -> Markup {
    html! { @if name == CONFIG { (v.t(Msg::Configuration)) } @else { (foreign(name)) } }
}

/// What a state of an update, or of a device in a job, is called.
pub fn update_state(state: &str) -> (Msg, &'static str) {
    match state {
        "waiting" => (Msg::StateWaiting, "idle"),
        "queued" => (Msg::StateQueued, "idle"),
        "pushed" => (Msg::StatePushed, "run"),
        "downloading" => (Msg::StateDownloading, "run"),
        "installing" => (Msg::StateInstalling, "run"),
        "succeeded" => (Msg::StateSucceeded, "good"),
        "failed" => (Msg::StateFailed, "bad"),
        "timed_out" => (Msg::StateTimedOut, "bad"),
        "cancelled" => (Msg::StateCancelled, "idle"),
        "superseded" => (Msg::StateSuperseded, "idle"),
        _ => (Msg::StateSkipped, "idle"),
    }
}

/// What a state of a job is called.
pub fn job_state(state: job::State) -> (Msg, &'static str) {
    use job::State::{Approved, Cancelled, Done, Draft, Paused, Running, Verified, VerifyFailed, Verifying};
    match state {
        Draft => (Msg::JobDraft, "idle"),
        Verifying => (Msg::JobVerifying, "run"),
        Verified => (Msg::JobVerified, "good"),
        VerifyFailed => (Msg::JobVerifyFailed, "bad"),
        Approved => (Msg::JobApproved, "good"),
        Running => (Msg::JobRunning, "run"),
        Paused => (Msg::JobPaused, "warn"),
        Done => (Msg::JobDone, "good"),
        Cancelled => (Msg::JobCancelled, "idle"),
    }
}

/// A state as a coloured word.
pub fn badge(v: &Visitor, (label, kind): (Msg, &'static str)) -> Markup {
    html! { span class={ "badge " (kind) } { (v.t(label)) } }
}

/// How far a job is, of 1,000: devices at work count with the part that they have reported.
pub fn permille(counts: &Counts, at_work: i64) -> i64 {
    let n = |n: u32| i64::from(n);
    let ended = n(counts.succeeded) + n(counts.failed) + n(counts.dropped);
    let total = ended + n(counts.waiting) + n(counts.running);
    // All that is left is less than all: 100 % means done.
    let part = (ended * 100 + at_work.clamp(0, n(counts.running) * 99)) * 10;
    if total == 0 { 0 } else { part / total }
}

/// The bar of a job. It is drawn without inline styles, which the policy of the page forbids.
pub fn bar(v: &Visitor, counts: &Counts, at_work: i64, label: &str) -> Markup {
    let total = counts.waiting + counts.running + counts.succeeded + counts.failed + counts.dropped;
    let share = |n: u32| f64::from(n) * 100.0 / f64::from(total.max(1));
    let (good, bad, left) = (share(counts.succeeded), share(counts.failed), share(counts.dropped));
    let done = permille(counts, at_work);
    #[expect(clippy::cast_precision_loss, reason = "it is at most 1000")]
    let work = (done as f64 / 10.0 - good - bad - left).max(0.0);
    let text = bar_text(v, counts, done);
    html! {
        div.progress role="progressbar" aria-label=(label) aria-valuemin="0" aria-valuemax="100" aria-valuenow=(done / 10)
            aria-valuetext={ (percent(done)) ", " (counts_text(v, counts)) } {
            svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                rect.good x="0" y="0" height="10" width=(format!("{good:.2}")) {}
                rect.bad x=(format!("{good:.2}")) y="0" height="10" width=(format!("{bad:.2}")) {}
                rect.left x=(format!("{:.2}", good + bad)) y="0" height="10" width=(format!("{left:.2}")) {}
                rect.run x=(format!("{:.2}", good + bad + left)) y="0" height="10" width=(format!("{work:.2}")) {}
            }
            span aria-hidden="true" { (text) }
        }
    }
}

fn percent(permille: i64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// What stands on the bar. A hundred percent with failures among them would read like success: those are named.
fn bar_text(v: &Visitor, counts: &Counts, done: i64) -> String {
    let failed = || v.n(Msg::CountFailed, i64::from(counts.failed));
    match (counts.succeeded, counts.failed) {
        (_, 0) => percent(done),
        (0, _) if done == 1000 => failed(),
        _ => format!("{} · {}", percent(done), failed()),
    }
}

/// The numbers of a job in one line.
pub fn counts_text(v: &Visitor, counts: &Counts) -> String {
    let parts = [
        (Msg::CountSucceeded, counts.succeeded),
        (Msg::CountFailed, counts.failed),
        (Msg::CountRunning, counts.running),
        (Msg::CountWaiting, counts.waiting),
        (Msg::CountDropped, counts.dropped),
    ];
    let shown = parts.iter().filter(|(label, n)| *n > 0 || matches!(label, Msg::CountSucceeded));
    let shown: Vec<String> = shown.map(|(label, n)| v.n(*label, i64::from(*n))).collect();
    shown.join(v.t(Msg::Comma))
}

/// Links to the pages of a list; `base` ends where the number goes.
pub fn pager<T>(v: &Visitor, list: &Paged<T>, base: &str) -> Markup {
    let pages = list.pages();
    html! {
        nav.pager aria-label=(v.t(Msg::Pages)) {
            @if pages > 1 {
                @if list.page > 1 {
                    a rel="prev" href={ (base) (list.page - 1) } { (v.t(Msg::Previous)) }
                }
                span { (v.f(Msg::PageOf, &[("page", &thousands(list.page)), ("pages", &thousands(pages))])) }
                @if list.page < pages {
                    a rel="next" href={ (base) (list.page + 1) } { (v.t(Msg::Next)) }
                }
            }
        }
    }
}

/// A value for a query.
pub fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The path of a device's page.
pub fn device_path(product: &str, device: &str) -> String {
    // Names have no characters that a path could not hold.
    format!("/console/devices/{product}/{device}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(visible("a\u{202e}b\u{1b}[31m\u{7}"), "a\\u{202e}b\\u{1b}[31m\\u{7}");
        assert_eq!(visible("中文 é \n"), "中文 é \n");
    }

    #[test]
    fn how_far() {
        let counts = |waiting, running, succeeded, failed, dropped| Counts {
            waiting,
            running,
            succeeded,
            failed,
            dropped,
        };
        assert_eq!(permille(&counts(0, 0, 0, 0, 0), 0), 0);
        assert_eq!(permille(&counts(2, 2, 0, 0, 0), 100), 250);
        assert_eq!(permille(&counts(0, 1, 9, 0, 0), 100), 999, "not done yet");
        assert_eq!(permille(&counts(0, 0, 3, 1, 1), 0), 1000);
    }
}
