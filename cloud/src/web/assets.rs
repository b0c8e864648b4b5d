// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that pages name, inside the program. Their URLs carry a digest of the content, so browsers may keep them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// A file inside the program.
struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($constant:ident $name:literal $kind:literal $file:literal;)*) => {
        $(
            #[doc = concat!("The file `", $file, "`.")]
            pub const $constant: &str = $name;
        )*
        const ALL: &[Asset] = &[$(Asset { name: $name, kind: $kind, bytes: include_bytes!($file) }),*];
    };
}

assets! {
    STYLE "console.css" "text/css; charset=utf-8" "assets/console.css";
    SCRIPT "console.js" "text/javascript; charset=utf-8" "assets/console.js";
    ICON "icon.svg" "image/svg+xml" "assets/icon.svg";
    HTMX "htmx.js" "text/javascript; charset=utf-8" "assets/vendor/htmx/htmx.min.js";
    SSE "sse.js" "text/javascript; charset=utf-8" "assets/vendor/htmx-ext-sse/sse.min.js";
    CHART "uplot.js" "text/javascript; charset=utf-8" "assets/vendor/uplot/uPlot.iife.min.js";
    CHART_STYLE "uplot.css" "text/css; charset=utf-8" "assets/vendor/uplot/uPlot.min.css";
}

/// A digest of all files.
static EDITION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in ALL {
        digest.update(asset.bytes);
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// The URL of a file.
pub fn url(name: &str) -> String {
    format!("/console/assets/{}/{name}", *EDITION)
}

/// Hands a file out.
pub async fn serve(Path((edition, name)): Path<(String, String)>) -> Response {
    match ALL.iter().find(|asset| asset.name == name && edition == *EDITION) {
        Some(asset) => {
            let mut response = asset.bytes.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
            headers.insert(
                header::CACHE_CONTROL,
                HeaderValue::from_static("public, max-age=31536000, immutable"),
            );
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
