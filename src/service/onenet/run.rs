// SPDX-License-Identifier: MIT OR Apache-2.0
//! One whole update in one call: report the version, take the task, download it in slices with resume, verify, tell the
//! platform what became of it.

use std::sync::Arc;
use std::time::Duration;

use otakit_core::failure::Failure;
use otakit_core::net::NetError;
use otakit_core::offer::Offer;
use otakit_core::platform::onenet::task::Task;
use otakit_core::platform::onenet::{errno, step};
use otakit_core::progress::percent;
use otakit_core::retry::RetryPolicy;
use otakit_core::store::StoreError;

use super::slices::{Slices, is_expired};
use super::{Error, Onenet, is_no_task};
use crate::engine::{self, Download, Session, Step};
use crate::store::{Journal, Sink};

/// Attempts at a report that ends a stage of the task.
const FINAL_REPORTS: u32 = 3;
/// Longest wait between attempts at the download that a task may ask for.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);
/// Wait between attempts at such a report.
const REPORT_PAUSE: Duration = Duration::from_millis(500);

/// What the device knows and does. Called on the thread that called [`run`], with no lock held.
pub trait Host {
    /// Signal strength now, in the units of the task; `None`: not known, the condition counts as met. So does a negative
    /// one where the task's is not negative.
    fn signal(&mut self) -> Option<i32>;

    /// Battery charge in percent; `None`: not known, the condition counts as met.
    fn power(&mut self) -> Option<u32>;

    /// Called at the start, with each piece stored, and at least every 100 ms; `false` ends the download, which a later
    /// run goes on with.
    fn progress(&mut self, stored: u64, total: u64) -> bool;

    /// Makes use of the verified image. A report code (201 ..= 208), or 0 when the result is reported later.
    fn apply(&mut self, task: &Task) -> u32;
}

/// How an update is run.
pub struct Plan<'a> {
    /// Length of a slice in bytes.
    pub slice: u32,
    /// Time for each exchange with the platform.
    pub limit: Duration,
    /// Whether an interval stands between attempts in place of the task's.
    pub interval: Option<Duration>,
    /// Percentages between two progress reports, 1 ..= 100.
    pub report_every: u8,
    /// Bytes between two checkpoints.
    pub every: u64,
    /// How the engine fetches; the task's number of attempts takes the place of its retry_policy.
    pub settings: engine::Settings,
    /// Takes the image.
    pub sink: &'a mut dyn Sink,
    /// Remembers how far it got.
    pub journal: Option<&'a mut dyn Journal>,
}

/// What became of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The task, if there was one.
    pub task: Option<Task>,
    /// Bytes that were stored before this run.
    pub resumed_at: u64,
    /// The last code above 100 that was to be reported; 0: none.
    pub step: u32,
}

/// Runs one update. Blocking, for as long as the download takes; [`Onenet::close`] ends it.
///
/// `Ok` means: the image is stored and verified. [`errno::NO_TASK`] when there is nothing to do. `summary` is filled in
/// either case.
pub fn run(
    service: &Arc<Onenet>,
    plan: Plan<'_>,
    host: &mut dyn Host,
    summary: &mut Summary,
) -> Result<(), Error> {
    service.post_version(plan.limit).result?;
    let task = service.check_task(plan.limit).result?;
    summary.task = Some(task.clone());
    let limit = plan.limit;
    let reporter = Reporter { service, task: &task, limit };
    let outcome = update(&reporter, plan, host, summary);
    if let Err((error, code)) = &outcome {
        crate::log!(Warning, "onenet", "update to {}: {error}", task.target);
        if let Some(code) = code {
            summary.step = *code;
            reporter.last(*code);
        }
    }
    let outcome = outcome.map_err(|(error, _)| error);
    // Reports in between may have been refused.
    service.conclude(outcome.as_ref().err());
    outcome
}

type Failed = (Error, Option<u32>);

fn update(
    reporter: &Reporter<'_>,
    plan: Plan<'_>,
    host: &mut dyn Host,
    summary: &mut Summary,
) -> Result<(), Failed> {
    let task = reporter.task;
    // What can never be taken is told first: a condition may be met another time.
    let offer = reporter.service.offer(task).map_err(|error| (error, Some(step::DOWNLOAD_FAILED)))?;
    meets(task, host)?;
    let valid = download(reporter, &offer, plan, host, &mut summary.resumed_at)?;
    if !valid {
        return Err((Error::Data, Some(step::MD5_MISMATCH)));
    }
    summary.step = step::DOWNLOADED;
    reporter.last(step::DOWNLOADED);
    let result = host.apply(task);
    if result != 0 {
        summary.step = result;
        reporter.last(result);
    }
    Ok(())
}

fn meets(task: &Task, host: &mut dyn Host) -> Result<(), Failed> {
    if host.power().is_some_and(|power| power < u32::from(task.power.min(100))) {
        return Err((Error::Power, Some(step::LOW_POWER)));
    }
    let known = host.signal().filter(|signal| *signal >= 0 || task.signal < 0);
    if known.is_some_and(|signal| signal < task.signal) {
        return Err((Error::Signal, Some(step::BAD_SIGNAL)));
    }
    Ok(())
}

fn download(
    reporter: &Reporter<'_>,
    offer: &Offer,
    plan: Plan<'_>,
    host: &mut dyn Host,
    resumed: &mut u64,
) -> Result<bool, Failed> {
    let (service, task) = (reporter.service, reporter.task);
    let interval = plan.interval.unwrap_or(Duration::from_secs(u64::from(task.interval))).min(MAX_INTERVAL);
    let slices = Arc::new(Slices::new(service.clone(), u64::from(plan.slice), plan.limit, interval));
    let session = Session::new(slices.clone());
    session.set_renewal(Some(slices));
    session.configure(engine::Settings {
        retry_policy: patience(task, &plan.settings, interval),
        ..plan.settings
    });
    let mut due = Percentages { every: plan.report_every.max(1), next: 0 };
    let mut stored = 0;
    let mut watch = |event: Step| {
        match event {
            Step::Started { resumed_at } => (*resumed, stored) = (resumed_at, resumed_at),
            Step::Progress { fetched, .. } => stored = fetched,
            Step::Idle => {}
        }
        if matches!(event, Step::Progress { .. })
            && let Some(percent) = due.reached(percent(stored, task.size))
        {
            reporter.progress(percent);
        }
        host.progress(stored, task.size) && !service.is_closed()
    };
    let download = Download {
        session: &session,
        sink: &mut *plan.sink,
        journal: plan.journal.map(|journal| &mut *journal as &mut dyn Journal),
        chunk: usize::try_from(plan.slice).unwrap_or(usize::MAX),
        every: plan.every,
        keep_record: true,
    };
    download.run(offer, &mut watch).map_err(|failure| {
        let error = match Error::from(&failure) {
            Error::Cancelled if service.is_closed() => Error::Closed,
            error => error,
        };
        (error, code(&failure))
    })
}

/// The task's number of retries, where it names one, and its interval, which the source keeps by itself.
fn patience(task: &Task, settings: &engine::Settings, interval: Duration) -> RetryPolicy {
    let mut retry_policy = settings.retry_policy;
    if task.retry > 0 {
        retry_policy.attempts = u32::from(task.retry.unsigned_abs()) + 1;
    }
    if !interval.is_zero() {
        (retry_policy.base, retry_policy.cap) = (Duration::ZERO, Duration::ZERO);
    }
    retry_policy
}

/// What the platform is told of a failed download; `None`: nothing, because it ended the task itself, or because a
/// later run goes on.
fn code(failure: &Failure) -> Option<u32> {
    use otakit_core::fetch::FetchError;
    match failure {
        Failure::Cancelled | Failure::Fetch(FetchError::Net(NetError::Cancelled)) => None,
        Failure::Fetch(FetchError::Refused { code, .. }) if is_ended(*code) => None,
        // Another call is fetching it, and tells how that ends.
        Failure::Store(StoreError::Busy) => None,
        Failure::Fetch(error) if is_expired(error) => Some(step::EXPIRED),
        Failure::Store(StoreError::Full) => Some(step::NO_SPACE),
        Failure::NoMemory => Some(step::NO_MEMORY),
        Failure::Fetch(FetchError::Net(NetError::Timeout)) | Failure::TooSlow | Failure::Deadline => {
            Some(step::TIMEOUT)
        }
        _ => Some(step::DOWNLOAD_FAILED),
    }
}

fn is_ended(code: i64) -> bool {
    [errno::NO_TASK, errno::INVALID_TASK_STATE, errno::TASK_TERMINATED, errno::TASK_CANCELLED].contains(&code)
}

/// Which percentages are reported. 100 is not: the platform takes it for the report that the download is complete,
/// which is due only once the image is verified.
struct Percentages {
    every: u8,
    next: u8,
}

impl Percentages {
    fn reached(&mut self, percent: u8) -> Option<u8> {
        if percent < self.next || percent >= 100 {
            return None;
        }
        self.next = (percent / self.every + 1).saturating_mul(self.every);
        Some(percent)
    }
}

struct Reporter<'a> {
    service: &'a Arc<Onenet>,
    task: &'a Task,
    limit: Duration,
}

impl Reporter<'_> {
    /// The download does not depend on the platform's hearing of it.
    fn progress(&self, percent: u8) {
        if let Err(error) = self.service.report(&self.task.id, u32::from(percent), self.limit).result {
            crate::log!(Info, "onenet", "progress of {percent} % not reported: {error}");
        }
    }

    /// A report that the task waits for.
    fn last(&self, code: u32) {
        for attempt in 1..=FINAL_REPORTS {
            match self.service.report(&self.task.id, code, self.limit).result {
                Ok(()) => return,
                Err(error) => crate::log!(Warning, "onenet", "code {code} not reported: {error}"),
            }
            if attempt < FINAL_REPORTS && !self.service.is_closed() {
                std::thread::sleep(REPORT_PAUSE);
            }
        }
    }
}

/// Whether there was nothing to do.
pub fn nothing_to_do(outcome: &Result<(), Error>) -> bool {
    outcome.as_ref().is_err_and(is_no_task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_is_reported_once_and_100_never() {
        let mut due = Percentages { every: 10, next: 0 };
        let told: Vec<u8> = (0..=100).filter_map(|percent| due.reached(percent)).collect();
        assert_eq!(told, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
        let mut due = Percentages { every: 10, next: 0 };
        assert_eq!([37, 39, 40, 100].map(|percent| due.reached(percent)), [Some(37), None, Some(40), None]);
        let mut due = Percentages { every: 100, next: 0 };
        assert_eq!([0, 99, 100].map(|percent| due.reached(percent)), [Some(0), None, None]);
    }

    #[test]
    fn failures_have_the_platforms_codes() {
        use otakit_core::fetch::{Class, FetchError};
        let refused = |code, class| Failure::Fetch(FetchError::Refused { code, class });
        let rows = [
            (Failure::Store(StoreError::Full), Some(102)),
            (Failure::Store(StoreError::Busy), None),
            (Failure::NoMemory, Some(103)),
            (Failure::Fetch(FetchError::Net(NetError::Timeout)), Some(104)),
            (Failure::Deadline, Some(104)),
            (Failure::Fetch(FetchError::Net(NetError::Connect)), Some(107)),
            (Failure::OtherImage, Some(107)),
            (refused(12, Class::Expired), Some(208)),
            (refused(22, Class::Permanent), None),
            (refused(4, Class::Permanent), Some(107)),
            (Failure::Cancelled, None),
        ];
        for (failure, expected) in rows {
            assert_eq!(code(&failure), expected, "{failure:?}");
        }
    }
}
