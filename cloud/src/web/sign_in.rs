// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of somebody who is not signed in, and the way out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::Console;
use super::form::Form;
use super::frame::{Answer, Visitor, page as whole};
use super::messages::Msg;
use crate::access::{Cookie, Denied, Peer};
use crate::note;
use crate::origin::api::blocking;

/// The page.
pub async fn page(State(console): State<Arc<Console>>, Extension(v): Extension<Visitor>) -> Response {
    if console.access.is_open() {
        return Redirect::to("/console").into_response();
    }
    shown(&v, StatusCode::OK, None)
}

fn shown(v: &Visitor, status: StatusCode, wrong: Option<&str>) -> Response {
    let body = html! {
        h1 { (v.t(Msg::SignIn)) }
        @if let Some(wrong) = wrong { p.problem.card role="alert" { (wrong) } }
        form.card.fields method="post" action="/sign-in" {
            label { span { (v.t(Msg::Password)) }
                input type="password" name="password" required autocomplete="current-password" autofocus;
                small { (v.t(Msg::HintPassword)) } }
            p { button.primary { (v.t(Msg::SignIn)) } }
        }
    };
    let visitor = Visitor { here: "/sign-in".to_owned(), ..v.clone() };
    (status, whole(&visitor, v.t(Msg::SignIn), None, &body)).into_response()
}

/// Takes the password.
pub async fn sign_in(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    request: Request,
) -> Response {
    let from = console.access.from(request.extensions().get::<Peer>(), request.headers());
    let form = match axum::RequestExt::extract::<Form, _>(request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    match console.access.sign_in(form.exact("password").to_owned(), from).await {
        Ok(cookie) => with_cookie("/console", &cookie),
        Err(Denied::Wrong) => shown(&v, StatusCode::UNAUTHORIZED, Some(v.t(Msg::WrongPassword))),
        Err(Denied::TooMany(wait)) => {
            let text = v.f(Msg::TooManyTries, &[("seconds", &wait.as_secs().max(1))]);
            shown(&v, StatusCode::TOO_MANY_REQUESTS, Some(&text))
        }
        Err(Denied::Failed(failure)) => {
            note(failure);
            shown(&v, StatusCode::SERVICE_UNAVAILABLE, Some(v.t(Msg::NotDone)))
        }
    }
}

/// Ends the session.
pub async fn out(State(console): State<Arc<Console>>, Extension(v): Extension<Visitor>, _: Form) -> Answer {
    let cookie = blocking(move || console.access.sign_out(v.session())).await?;
    Ok(with_cookie("/sign-in", &cookie))
}

fn with_cookie(to: &str, cookie: &Cookie) -> Response {
    let mut response = Redirect::to(to).into_response();
    // Names, digits and fixed words are always a header value.
    if let Ok(value) = HeaderValue::from_str(&cookie.0) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
