// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network of one answer that comes in pieces: for the tests and the fuzzer.

use std::time::Duration;

use otakit_core::fetch::FetchError;
use otakit_core::http::head::Head;
use otakit_core::net::NetError;

use super::Limits;
use super::exchange::{Bounds, exchange};
use crate::cancel::CancellationToken;
use crate::net::{Dial, Security, Stream, Target};

/// Every connection brings these bytes, at most `cut` at once and after a silence each time, then closes.
#[derive(Clone)]
pub struct Pieces {
    bytes: Vec<u8>,
    cut: usize,
    silent: bool,
}

impl Pieces {
    /// `cut` is at least 1.
    pub fn new(bytes: &[u8], cut: usize) -> Self {
        Self { bytes: bytes.to_vec(), cut, silent: false }
    }
}

impl Dial for Pieces {
    fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
        Ok(Box::new(self.clone()))
    }
}

impl Stream for Pieces {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<usize, NetError> {
        self.silent = !self.silent;
        if self.silent {
            return Ok(0);
        }
        if self.bytes.is_empty() {
            return Err(NetError::Closed);
        }
        let n = buf.len().min(self.bytes.len()).min(self.cut);
        let front: Vec<u8> = self.bytes.drain(..n).collect();
        buf.get_mut(..n).unwrap_or_default().copy_from_slice(&front);
        Ok(n)
    }

    fn write_all(&mut self, _: &[u8], _: Duration) -> Result<(), NetError> {
        Ok(())
    }
}

/// The head and the whole body of the answer in `bytes`.
pub fn read_all(bytes: &[u8], cut: usize) -> Result<(Head, Vec<u8>), FetchError> {
    let target = Target { host: "h".into(), port: 80, security: Security::Plain };
    let bounds = Bounds { limits: Limits::default(), end: None, cancel: CancellationToken::new() };
    let (head, mut content) = exchange(&Pieces::new(bytes, cut), &target, b"", bounds)?.open()?;
    let (mut body, mut buf) = (Vec::new(), [0; 7]);
    loop {
        match content.read(&mut buf)? {
            0 => return Ok((head, body)),
            n => body.extend_from_slice(buf.get(..n).unwrap_or_default()),
        }
    }
}
