// SPDX-License-Identifier: MIT OR Apache-2.0
//! One GET: every redirect is followed within the same bounds, whatever is asked for.

use std::sync::Arc;
use std::time::Duration;

use otakit_core::fetch::FetchError;
use otakit_core::http::answer::Answer;
use otakit_core::url::{Url, place};

use super::exchange::{Asked, Bounds, Exchange};
use super::{Http, MAX_REDIRECTS, wire};
use crate::cancel::CancellationToken;
use crate::fetch::Request;
use crate::net::{Security, Target, trace};

/// A GET that is under way, step by step.
pub(super) struct Get {
    http: Arc<Http>,
    cancel: CancellationToken,
    /// Redirects followed so far.
    followed: usize,
    /// Where the last redirect led.
    place: Option<Url>,
    /// The request under way.
    asked: Option<Asked>,
}

impl Get {
    /// Nothing was sent yet.
    pub(super) fn new(http: Arc<Http>, cancel: &CancellationToken) -> Self {
        Self { http, cancel: cancel.clone(), followed: 0, place: None, asked: None }
    }

    /// Connects and sends, or waits for the network once, for `wait` at most. Once there is an answer that `judge` takes:
    /// the exchange, and where in the image its body begins. `request` is the same in each step.
    pub(super) fn step(
        &mut self,
        request: &Request<'_>,
        judge: impl FnOnce(&Exchange) -> Result<Answer, FetchError>,
        wait: Duration,
    ) -> Result<Option<(Exchange, u64)>, FetchError> {
        let url = match self.place.take() {
            Some(url) => url,
            None => Url::parse(request.url).map_err(|error| {
                trace::unreadable(&place(request.url));
                FetchError::Url(error)
            })?,
        };
        let Some(mut asked) = self.asked.take() else {
            self.asked = Some(self.http.ask(&url, request, &self.cancel)?);
            self.place = Some(url);
            return Ok(None);
        };
        let Some(answer) = asked.step(wait)? else {
            (self.place, self.asked) = (Some(url), Some(asked));
            return Ok(None);
        };
        let exchange = asked.answered(answer);
        match judge(&exchange)? {
            Answer::Bytes { start } => Ok(Some((exchange, start))),
            Answer::Redirect(location) => {
                let next = self.http.follow(&url, &location)?;
                self.followed += 1;
                if self.followed > MAX_REDIRECTS {
                    let text = format_args!("{MAX_REDIRECTS} followed, the next one leads to {next}");
                    trace::reason(text);
                    return Err(FetchError::Redirect);
                }
                self.place = Some(next);
                Ok(None)
            }
        }
    }
}

impl Http {
    /// Where a redirect leads, if it may be followed.
    fn follow(&self, from: &Url, location: &str) -> Result<Url, FetchError> {
        let next = from.join(location).map_err(|error| {
            trace::reason(format_args!("{error}: {}", place(location)));
            FetchError::Redirect
        })?;
        // Should it be the last: these are the words for it.
        trace::reason(format_args!("to {next}"));
        if from.secure && !next.secure {
            return Err(FetchError::InsecureRedirect);
        }
        if !(self.guard)(&next) {
            return Err(FetchError::Forbidden);
        }
        crate::log!(Info, "fetch", "redirected to {}", next.authority());
        Ok(next)
    }

    /// Sends one request.
    fn ask(&self, url: &Url, request: &Request<'_>, cancel: &CancellationToken) -> Result<Asked, FetchError> {
        let security = if url.secure { Security::Tls(self.roots.clone()) } else { Security::Plain };
        let target = Target { host: url.host.clone(), port: url.port, security };
        let bounds = Bounds { limits: self.limits, end: None, cancel: cancel.clone() };
        trace::connecting(&target);
        trace::resource(&url.path);
        Asked::send(&*self.dial, &target, wire(url, request).as_bytes(), bounds)
    }
}
