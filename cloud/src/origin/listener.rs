// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP server: accepts connections and bounds what each of them may cost.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_service::Service;

use super::crowd::Crowd;
use super::direct::{self, Asked, Desk};
use super::patience::{self, Patient};
use crate::access::Peer;
use crate::note;
use crate::tls::{Gate, Stream};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 4_096;
/// Time for a request's head, and for the next request on a connection that is kept open.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Bytes buffered for a connection; the largest head too.
const BUFFER: usize = 64 * 1024;
/// The longest pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves `router` for ever.
pub async fn serve(listener: TcpListener, gate: Gate, crowd: Arc<Crowd>, router: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut pause = Duration::from_millis(10);
    loop {
        // The semaphore is never closed.
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                pause = Duration::from_millis(10);
                let of_address = match crowd.enter(peer.ip()) {
                    Ok(place) => place,
                    Err(first) => {
                        if first {
                            note(format_args!(
                                "http: {} has as many connections as one address may",
                                peer.ip()
                            ));
                        }
                        continue;
                    }
                };
                let (gate, router) = (gate.clone(), router.clone());
                tokio::spawn(async move {
                    if let Some(stream) = gate.open(stream, peer).await {
                        connection(stream, peer, router).await;
                    }
                    drop((place, of_address));
                });
            }
            Err(error) => {
                note(format_args!("http: cannot accept a connection: {error}; trying again in {pause:?}"));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE);
            }
        }
    }
}

async fn connection(stream: Box<dyn Stream>, peer: SocketAddr, router: Router) {
    let desk = stream.plain().map(|_| Arc::<Desk>::default());
    let mut link = Patient::new(stream, desk.clone());
    loop {
        let (router, at) = (router.clone(), desk.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let asked = Asked::of(request.version(), request.headers());
            let mut request = request.map(|incoming| patience::body(Body::new(incoming)));
            request.extensions_mut().insert(Peer(peer));
            let (answer, desk) = (router.clone().call(request), at.clone());
            async move {
                let answer = answer.await?;
                Ok::<_, Infallible>(match desk {
                    Some(desk) => direct::take(&desk, asked, answer),
                    None => answer,
                })
            }
        });
        let mut served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            // What a slow reader holds, besides the piece of a file that waits.
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(link), service);
        let order = poll_fn(|cx| match (served.poll_unpin(cx), &desk) {
            // A client that goes away in the middle is its own affair.
            (Poll::Ready(_), _) => Poll::Ready(None),
            (Poll::Pending, Some(desk)) => desk.due().map_or(Poll::Pending, |order| Poll::Ready(Some(order))),
            (Poll::Pending, None) => Poll::Pending,
        });
        let Some(order) = order.await else {
            return;
        };
        let parts = served.into_parts();
        let (stream, ahead) = parts.io.into_inner().into_parts(parts.read_buf);
        let Some(stream) = direct::send(stream, order).await else {
            return;
        };
        link = Patient::new(stream, desk.clone()).after(ahead);
    }
}
