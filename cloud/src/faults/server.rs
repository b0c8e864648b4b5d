// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accepts connections, takes one request from each, and carries out the plan of its case.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::body::{self, Crc32};
use super::cases::{self, Case};
use super::log::Log;
use super::plan::{Ctx, GZIP_BLOCK, MAX_SIZE, Op, text};
use super::request::Request;
use crate::note;

/// Time for a client to send its request.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How long a hanging connection is kept at most.
const HANG_TIME: Duration = Duration::from_secs(600);
/// Time for a client to take the last bytes.
const LINGER: Duration = Duration::from_secs(5);
/// Time for bytes to reach the client's side before a reset throws away what is on its way.
const BEFORE_RESET: Duration = Duration::from_millis(150);
/// Bytes written at a time.
const PIECE: u64 = 64 * 1024;
/// The largest image whose digests are computed on request: 64 GiB.
const MAX_DIGEST: u64 = 1 << 36;

/// Cases and log of one server.
pub struct Server {
    cases: Vec<Case>,
    log: Log,
}

impl Server {
    /// A server with every case.
    pub fn new() -> Self {
        Self { cases: cases::all(), log: Log::new() }
    }

    /// Serves for ever.
    pub async fn run(self, listener: TcpListener) {
        let server = Arc::new(self);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let server = server.clone();
                    tokio::spawn(async move { server.connection(stream).await });
                }
                Err(error) => {
                    note(format_args!("accept: {error}"));
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Ok(Some(request)) = timeout(REQUEST_TIME, Request::read(&mut stream)).await else { return };
        let size = request.path().get(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let head_only = request.method == "HEAD";
        let ops = self.plan(&request).await;
        // A client that leaves in the middle is what many cases are for.
        let _ = carry_out(stream, &ops, size, head_only).await;
    }

    async fn plan(&self, request: &Request) -> Vec<Op> {
        let path = request.path();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", []) => text(200, HELP),
            ("GET", ["cases"]) => json(&serde_json::to_value(&self.cases).unwrap_or_default()),
            ("GET", ["log"]) => json(&self.log.json(token(request))),
            ("GET", ["digest", size]) => match size.parse() {
                Ok(size) if size <= MAX_DIGEST => digest(size).await,
                _ => text(400, "size: 0 to 68719476736\n"),
            },
            ("GET" | "HEAD", [case, size]) => self.case(request, case, size),
            ("GET" | "HEAD", _) => text(404, "no such path\n"),
            _ => text(405, "GET and HEAD only\n"),
        }
    }

    fn case(&self, request: &Request, case: &str, size: &str) -> Vec<Op> {
        let found = self.cases.iter().find(|c| c.name == case);
        let size: Option<u64> = size.parse().ok().filter(|size| *size <= MAX_SIZE);
        let (Some(found), Some(size)) = (found, size) else {
            return text(404, "no such case, or a size that cannot be; see /cases\n");
        };
        let attempt = self.log.record(token(request), case, request);
        found.plan(&Ctx { size, request: request.clone(), attempt, case: case.to_owned() })
    }
}

const HELP: &str = "\
otakit-cloud faults: an HTTP server that lies, one way per path.

/CASE/SIZE[?k=TOKEN]   the image of SIZE bytes, served as the case says
/digest/SIZE           size, md5 and sha256 of that image
/cases                 all cases: name, family, about, expect
/log?k=TOKEN           the requests made under a token, with all headers in order

Cases that fail once count requests per token; /ok/SIZE is the honest one.
";

fn token(request: &Request) -> &str {
    request.query().get("k").copied().unwrap_or("")
}

fn json(value: &serde_json::Value) -> Vec<Op> {
    let mut ops = text(200, &format!("{value}\n"));
    if let Some(Op::Bytes(head)) = ops.first_mut() {
        *head = String::from_utf8_lossy(head).replace("text/plain", "application/json").into_bytes();
    }
    ops
}

async fn digest(size: u64) -> Vec<Op> {
    match tokio::task::spawn_blocking(move || body::digests(size)).await {
        Ok(digests) => json(&serde_json::to_value(digests).unwrap_or_default()),
        Err(_) => text(500, "failed\n"),
    }
}

async fn carry_out(mut stream: TcpStream, ops: &[Op], size: u64, head_only: bool) -> io::Result<()> {
    for op in ops {
        match op {
            Op::Bytes(bytes) => stream.write_all(bytes).await?,
            Op::Trickle(bytes, pause) => {
                for byte in bytes {
                    stream.write_all(&[*byte]).await?;
                    sleep(*pause).await;
                }
            }
            Op::Body(from, len) => send(&mut stream, size, *from, *len).await?,
            Op::Chunks(from, len, piece) => chunks(&mut stream, size, *from, *len, *piece).await?,
            Op::Gzip => gzip(&mut stream, size).await?,
            Op::Flipped(at) => {
                let mut byte = [0];
                body::fill(size, *at, &mut byte);
                stream.write_all(&[byte[0] ^ 1]).await?;
            }
            Op::Pause(time) => sleep(*time).await,
            Op::Hang => return until_closed(&mut stream, HANG_TIME).await,
            Op::Reset => {
                sleep(BEFORE_RESET).await;
                return stream.set_zero_linger();
            }
        }
        if head_only {
            break;
        }
    }
    stream.shutdown().await?;
    // Closing with bytes unread would turn the orderly end into a reset.
    until_closed(&mut stream, LINGER).await
}

async fn until_closed(stream: &mut TcpStream, time: Duration) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let drain = async {
        while stream.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    timeout(time, drain).await.unwrap_or(Ok(()))
}

async fn send(stream: &mut TcpStream, size: u64, from: u64, len: u64) -> io::Result<()> {
    let mut buffer = vec![0; usize::try_from(len.min(PIECE)).unwrap_or(0)];
    let mut sent = 0;
    while sent < len {
        let n = usize::try_from((len - sent).min(PIECE)).unwrap_or(0);
        let piece = buffer.get_mut(..n).unwrap_or_default();
        body::fill(size, from + sent, piece);
        stream.write_all(piece).await?;
        sent += piece.len() as u64;
    }
    Ok(())
}

async fn chunks(stream: &mut TcpStream, size: u64, from: u64, len: u64, piece: u64) -> io::Result<()> {
    let mut sent = 0;
    while sent < len {
        let n = piece.max(1).min(len - sent);
        stream.write_all(format!("{n:x}\r\n").as_bytes()).await?;
        send(stream, size, from + sent, n).await?;
        stream.write_all(b"\r\n").await?;
        sent += n;
    }
    Ok(())
}

async fn gzip(stream: &mut TcpStream, size: u64) -> io::Result<()> {
    stream.write_all(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]).await?;
    let mut crc = Crc32::new();
    let mut sent = 0;
    loop {
        let n = (size - sent).min(GZIP_BLOCK);
        let length = u16::try_from(n).unwrap_or(u16::MAX);
        let last = u8::from(sent + n == size);
        let [a, b] = length.to_le_bytes();
        stream.write_all(&[last, a, b, !a, !b]).await?;
        let mut block = vec![0; usize::from(length)];
        body::fill(size, sent, &mut block);
        crc.update(&block);
        stream.write_all(&block).await?;
        sent += n;
        if last == 1 {
            break;
        }
    }
    stream.write_all(&crc.value().to_le_bytes()).await?;
    let low = u32::try_from(size & 0xFFFF_FFFF).unwrap_or(0);
    stream.write_all(&low.to_le_bytes()).await
}
