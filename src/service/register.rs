// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that has its product's secret only asks for its own.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::fetch::http::form::{self, Form};
use crate::net::{Dial, Target};
use crate::platform::aliyun::identity::Device;
use crate::platform::aliyun::register;

/// How long connecting, the answer and a silence may take, each.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer in bytes.
const MAX_ANSWER: usize = 4096;

/// Asks the host that registers devices; blocks. `None`, with a log line, when there is no secret.
pub fn ask(dial: &Arc<dyn Dial>, target: Target, device: &Device, product_secret: &str) -> Option<String> {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let body = register::form(device, product_secret, &format!("{random:016x}"));
    let (path, accept, content_type) = (register::PATH, register::ACCEPT, register::CONTENT_TYPE);
    let form = Form { path, accept, content_type, body: &body };
    let answer = form::post(dial, target, form, TIMEOUT, MAX_ANSWER)
        .inspect_err(|error| crate::log!(Error, "register", "{device}: {error}"))
        .ok()?;
    register::secret(&answer, device)
        .inspect_err(|refusal| crate::log!(Error, "register", "{device}: {refusal}"))
        .ok()
}
