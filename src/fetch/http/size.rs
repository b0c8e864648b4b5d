// SPDX-License-Identifier: MIT OR Apache-2.0
//! How large an image is, where no platform says so: asked of the server that has it.

use super::{HttpSource, MAX_REDIRECTS};
use crate::cancel::Cancel;
use crate::fetch::range::decimal;
use crate::fetch::url::Url;
use crate::fetch::{FetchError, Request};

impl HttpSource {
    /// Size in bytes of what `url` leads to, by the header of an answer to GET: signed URLs often allow no HEAD.
    /// Blocks as a download's beginning does.
    pub fn size(&self, url: &str, cancel: &Cancel) -> Result<u64, FetchError> {
        let request = Request { url, offset: 0, size: 0, validator: None };
        let mut url = Url::parse(url).map_err(FetchError::Url)?;
        for _ in 0..=MAX_REDIRECTS {
            let head = self.get(&url, &request, cancel)?.head;
            match head.status {
                200 => {
                    let length = head.headers.text("content-length").and_then(decimal);
                    return length.ok_or(FetchError::Protocol);
                }
                301 | 302 | 303 | 307 | 308 => {
                    let location = head.headers.text("location");
                    let next = location.and_then(|location| url.join(location).ok());
                    let next = next.ok_or(FetchError::Redirect)?;
                    if url.secure && !next.secure {
                        return Err(FetchError::InsecureRedirect);
                    }
                    if !(self.guard)(&next) {
                        return Err(FetchError::Forbidden);
                    }
                    url = next;
                }
                status => return Err(FetchError::Status { status, retry_after: None }),
            }
        }
        Err(FetchError::Redirect)
    }
}
