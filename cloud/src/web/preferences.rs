// SPDX-License-Identifier: MIT OR Apache-2.0
//! The switches for language and appearance, kept in cookies so that pages come out right from the start.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::form::Form;
use super::frame::{THEME_COOKIE, Theme, is_own};
use super::lang::{LANG_COOKIE, Lang};

/// Sets what the form names and goes back to its page.
pub async fn change(form: Form) -> Response {
    let mut headers = HeaderMap::new();
    let lang = Lang::of_tag(form.text("lang")).map(|lang| (LANG_COOKIE, lang.tag()));
    let theme = Theme::named(form.text("theme")).map(|theme| (THEME_COOKIE, theme.name()));
    for (name, value) in lang.into_iter().chain(theme) {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    let back = Some(form.text("back")).filter(|path| is_own(path)).unwrap_or("/console");
    if let Ok(back) = HeaderValue::from_str(back) {
        headers.insert(header::LOCATION, back);
    }
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::super::frame::is_own;

    #[test]
    fn only_own_pages_are_gone_back_to() {
        for path in ["/console", "/console/jobs/1?page=2", "/console?x=y"] {
            assert!(is_own(path), "{path}");
        }
        for path in [
            "",
            "/",
            "//evil.test",
            "/\\evil.test",
            "/consolex",
            "http://evil.test/console",
            "/console/\r\nx:y",
        ] {
            assert!(!is_own(path), "{path}");
        }
    }
}
