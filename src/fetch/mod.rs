// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the bytes of an image come from.

pub mod http;

use std::time::Duration;

use otakit_core::fetch::{FetchError, Validator};

use crate::cancel::CancellationToken;

/// A place that images are fetched from. Called by whoever drives the transfer: a worker thread, or the caller's own.
pub trait Source: Send + Sync {
    /// Begins to open the image at `request.offset`. A source that cannot be opened in steps blocks here and gives what came
    /// of it, see [`at_once`].
    ///
    /// The body may start earlier than asked (see [`Opened::start`]); a source that cannot tell where the body
    /// starts must fail.
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn Opening>;
}

/// An image that is being opened.
pub trait Opening: Send {
    /// Goes on, for about `wait`: only a firmware's own connecting takes longer. The image once it is open; not to be
    /// called again after that or after a failure.
    fn step(&mut self, wait: Duration) -> Result<Option<Opened>, FetchError>;
}

/// An image that was opened in one go, or could not be.
pub fn at_once(opened: Result<Opened, FetchError>) -> Box<dyn Opening> {
    Box::new(AtOnce(Some(opened)))
}

struct AtOnce(Option<Result<Opened, FetchError>>);

impl Opening for AtOnce {
    fn step(&mut self, _: Duration) -> Result<Option<Opened>, FetchError> {
        self.0.take().transpose()
    }
}

/// What to open.
pub struct Request<'a> {
    /// The image's URL.
    pub url: &'a str,
    /// Number of bytes at the front that the caller has already. A complete image is not asked for.
    pub offset: u64,
    /// Size of the whole image in bytes, as the offer promised it.
    pub size: u64,
    /// What the source said of the image's identity when it was first opened.
    pub validator: Option<&'a Validator>,
}

/// An image opened for reading.
pub struct Opened {
    /// The bytes.
    pub body: Box<dyn Body>,
    /// Position in the image of the body's first byte: at most the offset asked for.
    pub start: u64,
    /// Identity of what is being read, for the next [`Request`].
    pub validator: Option<Validator>,
}

/// The bytes of an opened image.
pub trait Body: Send {
    /// Reads what is there, at least one byte; 0 is the end of the image. `None`: nothing came within about `wait`. A body
    /// that cannot wait for so long only waits for as long as it needs. The source's stall time-out and a cancel end it.
    fn read(&mut self, buf: &mut [u8], wait: Duration) -> Result<Option<usize>, FetchError>;

    /// Reads more of what is there already, hardly waiting. 0 says nothing but that `read` has to be asked, which is
    /// also what a source answers that cannot look ahead.
    fn read_more(&mut self, _buf: &mut [u8]) -> usize {
        0
    }
}
