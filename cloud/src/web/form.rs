// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a form sends: names and values, a name possibly several times.

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The fields of a form, in order.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Fields in the way that URLs and simple forms write them.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Adds a field.
    pub fn push(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    /// The value of a field as it came; empty when it is not there.
    pub fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The value of a field without the spaces around it.
    pub fn text(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The value of a field that is filled in.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|value| !value.is_empty())
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// The words of all fields of a name, which commas and white space separate.
    pub fn words(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        let mut words: Vec<String> = Vec::new();
        for word in
            values.flat_map(|value| value.split(|c: char| c.is_whitespace() || ",，;；、".contains(c)))
        {
            if !word.is_empty() && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        words
    }

    /// The number in a field; `Err`: it is none.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.given(name).map(|text| text.parse().map_err(|_| text.to_owned())).transpose()
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let text = String::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let form = Form::parse("a=1&d=x%2Cy&d=z+x&e=+&f=%E4%B8%AD&n=12&m=1x");
        assert_eq!(form.text("a"), "1");
        assert_eq!(form.words("d"), ["x", "y", "z"]);
        assert_eq!((form.given("e"), form.text("f"), form.text("none")), (None, "中", ""));
        assert_eq!(form.number::<u8>("n"), Ok(Some(12)));
        assert_eq!(form.number::<u8>("m"), Err("1x".to_owned()));
        assert_eq!(form.number::<u8>("none"), Ok(None));
    }
}
