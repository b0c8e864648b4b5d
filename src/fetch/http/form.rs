// SPDX-License-Identifier: MIT OR Apache-2.0
//! One form posted, one short answer read: what registrations need.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use super::Limits;
use super::agent::{self, Fault, Handover};
use crate::cancel::Cancel;
use crate::fetch::FetchError;
use crate::net::{Dial, Target};

/// A form and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Path, beginning with `/`.
    pub path: &'a str,
    /// What answers are accepted.
    pub accept: &'a str,
    /// What the body is.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a str,
}

/// Posts a form. The answer's body, at most `max` bytes; a status other than 200 is an error. Blocking: connecting,
/// answering and each silence take at most `limit`. No redirect is followed.
pub fn post(
    dial: &Arc<dyn Dial>,
    target: Target,
    form: Form<'_>,
    limit: Duration,
    max: usize,
) -> Result<Vec<u8>, FetchError> {
    let fault = Fault::default();
    let limits = Limits { connect: limit, answer: limit, stall: limit };
    let url = format!("http://{}:{}{}", target.host, target.port, form.path);
    let agent = agent::agent(
        dial.clone(),
        target,
        limits,
        Some(limit),
        Cancel::new(),
        fault.clone(),
        Handover::default(),
    );
    let request = agent.post(url).header("Accept", form.accept).header("Content-Type", form.content_type);
    let response = request.send(form.body).map_err(|error| fault.or(&error))?;
    if response.status().as_u16() != 200 {
        return Err(FetchError::Status { status: response.status().as_u16(), retry_after: None });
    }
    let mut answer = Vec::new();
    let mut body = response.into_body().into_reader().take(max as u64 + 1);
    body.read_to_end(&mut answer).map_err(|_| fault.take().map_or(FetchError::Truncated, FetchError::Net))?;
    if answer.len() > max { Err(FetchError::Length { announced: answer.len() as u64 }) } else { Ok(answer) }
}
