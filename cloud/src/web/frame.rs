// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all pages have in common: who looks at them, the frame around them, pages for failures, security headers.

use axum::Extension;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use serde::de::DeserializeOwned;

use super::assets;
use super::lang::{Lang, cookie};
use super::messages::Msg;
use crate::Failure;
use crate::access::{Signed, csrf};
use crate::origin::api::{blocking, status_of};

/// Light or dark, as chosen by the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// What the system says.
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The cookie of that switch.
pub const THEME_COOKIE: &str = "otakit_theme";

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// As in the cookie and in `data-theme`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }

    fn label(self) -> Msg {
        match self {
            Self::Auto => Msg::ThemeAuto,
            Self::Light => Msg::ThemeLight,
            Self::Dark => Msg::ThemeDark,
        }
    }
}

/// Who looks at a page.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The language.
    pub lang: Lang,
    /// Light or dark.
    pub theme: Theme,
    /// Path and query of the page.
    pub here: String,
    /// Who is signed in; nobody on the page for that.
    pub signed: Option<Signed>,
}

impl Visitor {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let theme = cookie(headers, THEME_COOKIE).and_then(Theme::named).unwrap_or(Theme::Auto);
        let here = match request.method() {
            &Method::GET => request.uri().path_and_query().map_or("/console", |path| path.as_str()),
            // The answer to a form may not be asked for again.
            _ => back(headers).unwrap_or("/console"),
        };
        Self {
            lang: Lang::of_request(headers),
            theme,
            here: here.to_owned(),
            signed: request.extensions().get().cloned(),
        }
    }

    /// What proves that a form is one of our pages.
    pub fn seal(&self) -> Markup {
        html! { input type="hidden" name=(csrf::FIELD) value=(self.token()); }
    }

    /// The same for requests of scripts.
    pub fn token(&self) -> &str {
        self.signed.as_ref().map_or("", |signed| &signed.csrf)
    }

    /// The session, of a server with a password.
    pub fn session(&self) -> Option<&str> {
        self.signed.as_ref().and_then(Signed::session)
    }

    /// A text.
    pub fn t(&self, message: Msg) -> &'static str {
        self.lang.text(message)
    }

    /// A text with values.
    pub fn f(&self, message: Msg, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        self.lang.fill(message, values)
    }

    /// A text about a number.
    pub fn n(&self, message: Msg, n: i64) -> String {
        self.lang.count(message, n)
    }
}

/// The page that a form was on.
fn back(headers: &HeaderMap) -> Option<&str> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, rest) = referer.split_once("://")?;
    rest.find('/').and_then(|at| rest.get(at..)).filter(|path| is_own(path))
}

/// Whether a path leads to the console: nothing else is redirected to.
pub fn is_own(path: &str) -> bool {
    let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    plain
        && (path == "/sign-in"
            || path == "/console"
            || path.starts_with("/console/")
            || path.starts_with("/console?"))
}

/// Why there is no page: a status and a sentence.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    text: String,
    /// Whether the text is the server's own, in English.
    english: bool,
}

impl Problem {
    /// There is no such thing.
    pub fn absent(text: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, text, english: false }
    }

    /// It cannot be done, for this reason.
    pub fn refused(text: String) -> Self {
        Self { status: StatusCode::CONFLICT, text, english: false }
    }

    /// What was filled in makes no sense.
    pub fn invalid(text: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text, english: false }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self { status: status_of(&failure), text: failure.to_string(), english: true }
    }
}

/// The page is made around it, in the visitor's language.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Extension(self)).into_response()
    }
}

/// What stands in the path of a page. What cannot stand there leads to no page.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let here = axum::extract::Path::from_request_parts(parts, state).await;
        here.map(|axum::extract::Path(inner)| Self(inner)).map_err(|_| {
            let lang = parts.extensions.get::<Visitor>().map_or(Lang::En, |visitor| visitor.lang);
            Problem::absent(lang.text(Msg::NoSuchPage).to_owned())
        })
    }
}

/// What a page's handler gives.
pub type Answer = Result<Response, Problem>;

/// Makes a page on a thread that may wait for the database.
pub async fn made(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    blocking(move || Ok(work())).await?
}

/// Makes the visitor known to handlers, and a page of a [`Problem`].
pub async fn around(mut request: Request, next: Next) -> Response {
    let visitor = Visitor::of(&request);
    let asked = request.method() == Method::GET;
    let headers = request.headers().clone();
    let fragment = headers.contains_key("hx-request");
    request.extensions_mut().insert(visitor.clone());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // Back to the page of a form, but not to a page that is not there.
        let back = if asked { back(&headers).unwrap_or("/console") } else { &visitor.here };
        let body = problem_body(&visitor, &problem, back);
        return if fragment {
            (problem.status, body).into_response()
        } else {
            let title = visitor.t(heading(problem.status));
            (problem.status, page(&visitor, title, None, &body)).into_response()
        };
    }
    response
}

/// Any other path below `/console`.
pub async fn absent(Extension(visitor): Extension<Visitor>) -> Problem {
    Problem::absent(visitor.t(Msg::NoSuchPage).to_owned())
}

fn heading(status: StatusCode) -> Msg {
    match status {
        StatusCode::NOT_FOUND => Msg::NotFound,
        StatusCode::CONFLICT => Msg::NotPossible,
        _ => Msg::NotDone,
    }
}

fn problem_body(v: &Visitor, problem: &Problem, back: &str) -> Markup {
    html! {
        section.card.problem role="alert" {
            h1 { (v.t(heading(problem.status))) }
            @if problem.english && v.lang != Lang::En {
                p { (v.t(Msg::ServerSays)) }
                p lang="en" { bdi { (problem.text) } }
            } @else {
                p { bdi { (problem.text) } }
            }
            p { (v.t(Msg::NothingChanged)) " " a href=(back) { (v.t(Msg::Back)) } }
        }
    }
}

/// The places of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The overview.
    Overview,
    /// Products.
    Products,
    /// Devices.
    Devices,
    /// Firmware.
    Firmware,
    /// Jobs.
    Jobs,
}

const PLACES: [(Place, &str, Msg); 5] = [
    (Place::Overview, "/console", Msg::Overview),
    (Place::Products, "/console/products", Msg::Products),
    (Place::Devices, "/console/devices", Msg::Devices),
    (Place::Firmware, "/console/firmware", Msg::Firmware),
    (Place::Jobs, "/console/jobs", Msg::Jobs),
];

/// No rules made by a script, nothing compiled, answers to failures shown.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true,"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"[45]..","swap":true,"error":true}]}"#;

/// A whole page.
pub fn page(v: &Visitor, title: &str, place: Option<Place>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(v.lang.tag()) data-theme=(v.theme.name()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (title) " · otakit-cloud" }
                link rel="icon" type="image/svg+xml" href=(assets::url(assets::ICON));
                link rel="stylesheet" href=(assets::url(assets::STYLE));
                script src=(assets::url(assets::HTMX)) defer {}
                script src=(assets::url(assets::SSE)) defer {}
                script src=(assets::url(assets::SCRIPT)) defer {}
            }
            body hx-ext="sse" {
                a.skip href="#main" { (v.t(Msg::SkipToContent)) }
                (top(v, place))
                main #main tabindex="-1" { (body) }
                p.lost #lost role="status" data-text=(v.t(Msg::ConnectionLost)) {}
            }
        }
    }
}

fn top(v: &Visitor, place: Option<Place>) -> Markup {
    html! {
        header.top {
            a.brand href="/console" { img src=(assets::url(assets::ICON)) alt="" width="24" height="24"; "otakit-cloud" }
            nav aria-label=(v.t(Msg::Navigation)) {
                @if v.signed.is_some() { ul {
                    @for (one, path, label) in PLACES {
                        li { a href=(path) aria-current=[(Some(one) == place).then_some("page")] { (v.t(label)) } }
                    }
                } }
            }
            form.switches method="post" action="/console/preferences" {
                input type="hidden" name="back" value=(v.here);
                fieldset {
                    legend.hidden { (v.t(Msg::Language)) }
                    @for lang in Lang::ALL {
                        button name="lang" value=(lang.tag()) lang=(lang.tag())
                            aria-pressed=(if lang == v.lang { "true" } else { "false" }) { (lang.name()) }
                    }
                }
                fieldset {
                    legend.hidden { (v.t(Msg::Appearance)) }
                    @for theme in Theme::ALL {
                        button name="theme" value=(theme.name())
                            aria-pressed=(if theme == v.theme { "true" } else { "false" }) { (v.t(theme.label())) }
                    }
                }
            }
            @if v.session().is_some() {
                form method="post" action="/console/sign-out" { (v.seal()) button { (v.t(Msg::SignOut)) } }
            }
        }
    }
}
