// SPDX-License-Identifier: MIT OR Apache-2.0
//! A task's package in slices: one at a time for those who ask for one, all of them as an engine's source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use otakit_core::digest::{Algorithm, Expected};
use otakit_core::fetch::{Class, FetchError};
use otakit_core::http::range::{ContentRange, decimal};
use otakit_core::http::slice::{self, Slice};
use otakit_core::net::NetError;
use otakit_core::offer::{Kind, Offer};
use otakit_core::platform::onenet::request::Ask;
use otakit_core::platform::onenet::task::Task;
use otakit_core::platform::onenet::{TaskId, answer, value};

use super::{Error, Known, MAX_ANSWER, Onenet};
use crate::cancel::CancellationToken;
use crate::engine::Renew;
use crate::fetch::http::call::Reply;
use crate::fetch::{Body, Opened, Request, Source};

/// Bytes of a body that is passed over, read at once.
const SKIP_CHUNK: usize = 4096;

/// The slice of `len` bytes from `first` on.
pub(super) fn wanted(first: u64, len: u64, size: Option<u64>) -> Slice {
    let len = size.map_or(len, |size| len.min(size.saturating_sub(first)));
    Slice { first, len, size }
}

impl Onenet {
    /// Fetches one slice, on a worker thread, with room for one byte more in the vector.
    pub(super) fn slice(
        &self,
        task: &TaskId,
        wanted: Slice,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Vec<u8>, FetchError> {
        let last = wanted.first.saturating_add(wanted.len) - 1;
        let ask = Ask::Slice { task, first: wanted.first, last, form: self.config.range };
        let mut reply = self.send(self.request(&ask), limit, cancel)?;
        if let Some(code) = answer::header_refusal(reply.header("ota-errno")) {
            return Err(refused(code));
        }
        let known = self.known(task);
        let front = front(&mut reply, known.as_ref())?;
        let found = slice::judge(reply.status(), reply.headers(), &wanted, stated(&reply))?;
        let mut body = Chained { front: &front, reply: &mut reply };
        body.skip(found.skip)?;
        let slice = body.take(found.len)?;
        if let Some(rest) = found.unproven {
            body.skip(rest)?;
            if body.read(&mut [0])? > 0 {
                return Err(FetchError::Range);
            }
        }
        Ok(slice)
    }

    /// Whether the task still stands, on a worker thread.
    fn still_stands(
        &self,
        task: &TaskId,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), FetchError> {
        let body = self.exchange(self.request(&Ask::Stands(task)), limit, cancel)?;
        let errno = answer::envelope(&body).ok_or(FetchError::Protocol)?.standing();
        if errno == 0 {
            return Ok(());
        }
        Err(FetchError::Refused { code: errno, class: answer::class(errno, false) })
    }
}

fn refused(code: i64) -> FetchError {
    FetchError::Refused { code, class: answer::class(code, true) }
}

/// Reads the front of an answer that may be a refusal, and tells if it is one. Status and media type are no proof of a
/// package: the platform has been seen to refuse with status 200, in JSON or in one byte, framed in any way. What is
/// marked with the range asked for is a package.
fn front(reply: &mut Reply, known: Option<&Known>) -> Result<Vec<u8>, FetchError> {
    let is_marked =
        reply.status() == 206 && (reply.header("content-range").is_some() || stated(reply).is_some());
    if is_marked {
        return Ok(Vec::new());
    }
    // With another status there is no package, but there may be words.
    if !(200..=299).contains(&reply.status()) {
        let mut words = Vec::new();
        let _ = read_front(reply, &mut words);
        return match answer::envelope(&words).map(|envelope| envelope.standing()) {
            Some(errno) if errno != 0 => {
                Err(FetchError::Refused { code: errno, class: answer::class(errno, false) })
            }
            _ => Ok(Vec::new()),
        };
    }
    let mut front = Vec::new();
    let ended = read_front(reply, &mut front);
    if ended == Ok(false) || known.is_some_and(|known| known.is_package(&front)) {
        return Ok(front);
    }
    // A refusal counts also where the connection broke behind it.
    if let Some(code) = answer::download_refusal(&front).filter(|_| ended.is_ok()) {
        return Err(refused(code));
    }
    match answer::envelope(&front).map(|envelope| envelope.standing()) {
        Some(errno) if errno != 0 => {
            Err(FetchError::Refused { code: errno, class: answer::class(errno, false) })
        }
        // Words, but not a refusal that can be read.
        None if !answer::begins_answer(&front) => ended.map(|_| front),
        _ => Err(ended.err().unwrap_or(FetchError::Range)),
    }
}

/// Reads until the body has ended (`true`), or cannot be a refusal.
fn read_front(reply: &mut Reply, front: &mut Vec<u8>) -> Result<bool, FetchError> {
    let mut chunk = [0; 1024];
    while front.len() < 2 || (front.len() <= MAX_ANSWER && value::inside_object(front).is_some()) {
        match reply.read(&mut chunk)? {
            0 => return Ok(true),
            n => front.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    }
    Ok(false)
}

/// The range as older servers of the platform state it.
fn stated(reply: &Reply) -> Option<ContentRange> {
    let number = |name| reply.header(name).and_then(decimal);
    let (first, last) = (number("content-range-start")?, number("content-range-end")?);
    (first <= last).then_some(ContentRange { first, last, total: None })
}

/// A body of which the front was read already.
struct Chained<'a> {
    front: &'a [u8],
    reply: &'a mut Reply,
}

impl Chained<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        if self.front.is_empty() {
            return self.reply.read(buf);
        }
        let n = self.front.len().min(buf.len());
        let (now, later) = self.front.split_at(n);
        if let Some(room) = buf.get_mut(..n) {
            room.copy_from_slice(now);
        }
        self.front = later;
        Ok(n)
    }

    fn skip(&mut self, mut left: u64) -> Result<(), FetchError> {
        let mut chunk = [0; SKIP_CHUNK];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(SKIP_CHUNK).min(SKIP_CHUNK);
            match self.read(chunk.get_mut(..most).unwrap_or_default())? {
                0 => return Err(FetchError::Truncated),
                n => left -= n as u64,
            }
        }
        Ok(())
    }

    /// Exactly `len` bytes, with room for one more.
    fn take(&mut self, len: u64) -> Result<Vec<u8>, FetchError> {
        let size = usize::try_from(len).map_err(|_| FetchError::Oversized)?;
        let mut bytes = Vec::new();
        let room = size.checked_add(1).ok_or(FetchError::Oversized)?;
        bytes.try_reserve_exact(room).map_err(|_| FetchError::Net(NetError::Resources))?;
        bytes.resize(room, 0);
        let mut filled = 0;
        while filled < size {
            match self.read(bytes.get_mut(filled..size).unwrap_or_default())? {
                0 => return Err(FetchError::Truncated),
                n => filled += n,
            }
        }
        bytes.truncate(size);
        Ok(bytes)
    }
}

/// A task's package as an engine fetches it.
pub struct Slices {
    /// Who talks to the platform.
    pub service: Arc<Onenet>,
    /// Length of a slice in bytes, at least 1.
    pub len: u64,
    /// Time for each exchange.
    pub limit: Duration,
    /// Wait before the package is opened again after a failure.
    pub interval: Duration,
    opened: AtomicBool,
}

impl Slices {
    /// A source that was not opened yet.
    pub fn new(service: Arc<Onenet>, len: u64, limit: Duration, interval: Duration) -> Self {
        Self { service, len: len.max(1), limit, interval, opened: AtomicBool::new(false) }
    }
}

impl Source for Slices {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Slices {
    fn opened(&self, request: &Request<'_>, cancel: &CancellationToken) -> Result<Opened, FetchError> {
        let again = self.opened.swap(true, Ordering::Relaxed);
        if again && cancel.sleep(self.interval) {
            return Err(FetchError::Net(NetError::Cancelled));
        }
        let task = self.service.task_of(request.url).ok_or(FetchError::Protocol)?;
        let body = SliceBody {
            service: self.service.clone(),
            task,
            next: request.offset,
            size: request.size,
            len: self.len,
            limit: self.limit,
            cancel: cancel.clone(),
            buffer: Vec::new(),
            taken: 0,
        };
        Ok(Opened { body: Box::new(body), start: request.offset, validator: None })
    }
}

struct SliceBody {
    service: Arc<Onenet>,
    task: TaskId,
    next: u64,
    size: u64,
    len: u64,
    limit: Duration,
    cancel: CancellationToken,
    buffer: Vec<u8>,
    taken: usize,
}

impl SliceBody {
    fn refill(&mut self) -> Result<(), FetchError> {
        let Self { service, task, limit, cancel, .. } = self;
        if service.is_closed() {
            return Err(FetchError::Net(NetError::Cancelled));
        }
        service.still_stands(task, *limit, cancel)?;
        let wanted = wanted(self.next, self.len, Some(self.size));
        self.buffer = service.slice(task, wanted, *limit, cancel)?;
        self.taken = 0;
        self.next += self.buffer.len() as u64;
        Ok(())
    }
}

impl Body for SliceBody {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<Option<usize>, FetchError> {
        if self.taken == self.buffer.len() {
            if self.next >= self.size {
                return Ok(Some(0));
            }
            self.refill()?;
        }
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.taken += n;
        Ok(Some(n))
    }
}

/// Gets a fresh token when the old one has expired: the platform is asked for the task once more.
impl Renew for Slices {
    fn renew(&self, _: &Offer, _: Duration, cancel: &CancellationToken) -> Option<Option<Offer>> {
        Some(self.ask_again(cancel))
    }
}

impl Slices {
    fn ask_again(&self, cancel: &CancellationToken) -> Option<Offer> {
        let service = &self.service;
        let body = service.exchange(service.check_request(), self.limit, cancel).ok()?;
        let answer = answer::envelope(&body).filter(|answer| answer.errno == 0)?;
        let task = service.read_task(&answer).ok()?;
        service.remember(&task);
        service.offer(&task).ok()
    }
}

impl Onenet {
    /// The task behind an offer's URL.
    fn task_of(&self, url: &str) -> Option<TaskId> {
        let id = url.strip_prefix(&self.package_base())?;
        match self.config.dialect.device() {
            None => Some(TaskId::Token(id.to_owned())),
            Some(_) => id.parse().ok().map(TaskId::Number),
        }
    }

    /// How the URLs of offers begin; the task's name follows.
    fn package_base(&self) -> String {
        let scheme = if self.config.endpoint.roots.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/task/", self.config.endpoint.authority)
    }

    /// The task as the engine takes it: an image, not what would have to be applied to one.
    pub fn offer(&self, task: &Task) -> Result<Offer, Error> {
        if task.is_differential() {
            crate::log!(
                Error,
                "onenet",
                "task {} refused: differential package, only whole images are taken",
                task.id
            );
            return Err(Error::Unsupported);
        }
        let digest = Expected::from_hex(Algorithm::Md5, &task.md5).ok_or(Error::Data)?;
        let url = format!("{}{}", self.package_base(), task.id);
        Ok(Offer {
            version: task.target.clone(),
            size: task.size,
            url,
            digest,
            kind: Kind::Firmware,
            signature: None,
            is_delta: false,
        })
    }
}

/// Whether the transfer ended because the token did, or the task.
pub fn is_expired(error: &FetchError) -> bool {
    error.class() == Class::Expired
}
