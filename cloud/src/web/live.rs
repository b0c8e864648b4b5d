// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages that change while one looks at them: server-sent events.
//!
//! An event is a piece of the page as it is now, not a change of it. So nothing is missed when a connection breaks, and
//! nothing comes twice: the first events of a new connection are all pieces.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use maud::Markup;
use tokio::sync::{Semaphore, watch};

use super::Console;
use super::frame::Visitor;
use crate::origin::api::blocking;
use crate::{Failure, note};

/// Streams at a time.
const STREAMS: usize = 256;
/// The shortest time between two looks at what has changed: four a second.
const PACE: Duration = Duration::from_millis(250);

static ROOM: Semaphore = Semaphore::const_new(STREAMS);

/// A piece of a page, by the name of its event.
pub type Piece = (&'static str, Markup);

/// Sends the pieces of a page, each whenever it is another one than before.
///
/// A stream ends with the session of whoever looks at it.
pub fn pieces(
    console: &Console,
    v: &Visitor,
    make: impl Fn() -> Result<Vec<Piece>, Failure> + Send + Sync + 'static,
) -> Response {
    let Ok(place) = ROOM.try_acquire() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let changes = (console.store().db().changes(), console.shared.offers.talk.changes());
    let (access, session) = (console.access.clone(), v.session().map(str::to_owned));
    let make = move || match &session {
        Some(session) if !access.lasts(session) => {
            Err(Failure::new("a session has ended, and its stream with it"))
        }
        _ => make(),
    };
    let state = Stream { make: Arc::new(make), sent: HashMap::new(), changes, first: true };
    let events = stream::unfold(state, |mut state| async move {
        loop {
            if !state.first {
                tokio::time::sleep(PACE).await;
                state.changed().await?;
            }
            state.first = false;
            let make = state.make.clone();
            match blocking(move || make()).await {
                Ok(pieces) => {
                    let events = state.new_ones(pieces);
                    if !events.is_empty() {
                        return Some((stream::iter(events.into_iter().map(Ok::<_, Infallible>)), state));
                    }
                }
                Err(failure) => {
                    // The browser comes again.
                    note(format_args!("console: {failure}"));
                    return None;
                }
            }
        }
    });
    let events = futures_util::StreamExt::flatten(events);
    let events = futures_util::StreamExt::map(events, move |event| {
        let _ = &place;
        event
    });
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    // A proxy in front must not collect events.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

struct Stream<M> {
    make: Arc<M>,
    /// What was sent, by name.
    sent: HashMap<&'static str, String>,
    changes: (watch::Receiver<u64>, watch::Receiver<u64>),
    first: bool,
}

impl<M> Stream<M> {
    /// Waits until something is kept or a message passes; `None`: the server ends.
    async fn changed(&mut self) -> Option<()> {
        let (kept, passed) = &mut self.changes;
        tokio::select! {
            done = kept.changed() => done.ok(),
            done = passed.changed() => done.ok(),
        }
    }

    fn new_ones(&mut self, pieces: Vec<Piece>) -> Vec<Event> {
        let mut events = Vec::new();
        for (name, markup) in pieces {
            let text = markup.into_string();
            if self.sent.get(name) != Some(&text) {
                events.push(Event::default().event(name).data(text.replace('\r', "")));
                self.sent.insert(name, text);
            }
        }
        events
    }
}
