// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line's side of the control API.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};

use super::Data;
use super::tls::{Tls, Trust};

use crate::Failure;
use crate::data::files::{self, Layout};
use crate::data::model::Address;

/// A running server.
pub struct Server {
    base: String,
    agent: ureq::Agent,
    /// What it is told who asks by.
    token: Option<String>,
}

/// The environment variable with an API token.
const TOKEN: &str = "OTAKIT_CLOUD_TOKEN";

impl Server {
    /// The server that was named, or the one that runs on this data directory, if one does.
    pub fn of(data: &Data) -> Result<Option<Self>, Failure> {
        match &data.server {
            Some(base) => Self::named(base, data).map(Some),
            None => Self::local(&data.layout()),
        }
    }

    /// A server somewhere.
    fn named(base: &str, data: &Data) -> Result<Self, Failure> {
        let trust = match &data.fingerprint {
            Some(fingerprint) => Trust::Fingerprint(fingerprint.clone()),
            None => Trust::Authorities(data.ca.clone()),
        };
        let token = match &data.token_file {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|e| Failure::io("read", path, &e))?),
            None => std::env::var(TOKEN).ok(),
        };
        let base = base.trim_end_matches('/').to_owned();
        let plain = base.strip_prefix("http://");
        if plain.is_none() && !base.starts_with("https://") {
            return Err(Failure::new(format!("{base:?} is no server's address; it begins with https://")));
        }
        if token.is_some() && plain.is_some_and(|rest| !is_here(rest)) {
            return Err(Failure::new(format!("{base} is not https: a token would be read on its way")));
        }
        Ok(Self { agent: agent(plain.is_none().then_some(&trust))?, base, token })
    }

    /// The server that runs on this data directory, if one does.
    pub fn local(layout: &Layout) -> Result<Option<Self>, Failure> {
        let path = layout.address();
        if !path.exists() {
            return Ok(None);
        }
        let address: Address = files::read(&path)?;
        // A server that was killed leaves its address behind, and somebody else may have the port now: what they could hear is
        // a token that was good for the server that ended.
        let token = std::fs::read_to_string(layout.local_token()).ok().or_else(|| std::env::var(TOKEN).ok());
        let trust = address.fingerprint.map(Trust::Fingerprint);
        let server = Self { base: address.http, agent: agent(trust.as_ref())?, token };
        let own = server.get("/api/server").ok().and_then(|s| s.pointer("/pid")?.as_u64());
        Ok((own == Some(u64::from(address.pid))).then_some(server))
    }

    /// The URL that the server's paths begin with.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET, giving the JSON answer.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        answer(self.signed(self.agent.get(format!("{}{path}", self.base))).call())
    }

    /// DELETE, giving the JSON answer.
    pub fn delete(&self, path: &str) -> Result<Value, Failure> {
        answer(self.signed(self.agent.delete(format!("{}{path}", self.base))).call())
    }

    /// POST of a file, giving the JSON answer; takes as long as it takes.
    pub fn upload(&self, path: &str, file: &Path) -> Result<Value, Failure> {
        let source = std::fs::File::open(file).map_err(|e| Failure::io("open", file, &e))?;
        if source.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Failure::new(format!("{} is no file", file.display())));
        }
        let request = self.signed(self.agent.post(format!("{}{path}", self.base)));
        let request = request.config().timeout_global(None).build();
        let request = request.header("Content-Type", "application/octet-stream");
        // The server says no before the bytes are on their way, and not while nobody reads what it says.
        let sent = request.header("Expect", "100-continue").send(source);
        answer(sent.map_err(|error| match error {
            ureq::Error::Io(io) if is_cut(&io) => ureq::Error::Io(std::io::Error::new(
                io.kind(),
                format!("{io}: it ended the connection before it had the whole file; its log says why"),
            )),
            other => other,
        }))
    }

    /// POST of no bytes, giving the JSON answer.
    pub fn post_nothing(&self, path: &str) -> Result<Value, Failure> {
        let request = self.signed(self.agent.post(format!("{}{path}", self.base)));
        answer(request.header("Content-Type", "application/octet-stream").send_empty())
    }

    /// POST of JSON, giving the JSON answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.signed(self.agent.post(format!("{}{path}", self.base)));
        answer(request.header("Content-Type", "application/json").send(body.to_string()))
    }

    fn signed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {}", token.trim())),
            None => request,
        }
    }
}

/// Whether the other end closed the connection.
fn is_cut(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset)
}

/// Whether the address is this machine.
fn is_here(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    authority.parse::<std::net::SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
        || authority.split(':').next() == Some("localhost")
}

fn agent(trust: Option<&Trust>) -> Result<ureq::Agent, Failure> {
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(2)))
        .timeout_global(Some(Duration::from_secs(30)))
        // A token is for the server that was named.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build();
    let Some(trust) = trust else {
        return Ok(config.into());
    };
    let connector = ().chain(TcpConnector::default()).chain(Tls::new(trust)?);
    Ok(ureq::Agent::with_parts(config, connector, DefaultResolver::default()))
}

/// A value for a query: everything but plain characters is escaped.
pub fn escaped(value: &str) -> String {
    use std::fmt::Write;
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(format!("the server did not answer: {e}"));
    let mut response = result.map_err(|e| failed(&e))?;
    let text = response.body_mut().with_config().limit(u64::MAX).read_to_string().map_err(|e| failed(&e))?;
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    match value.get("error").and_then(Value::as_str) {
        Some(why) => Err(Failure::new(why)),
        None if !response.status().is_success() => {
            Err(Failure::new(format!("the server answered {}: {}", response.status(), text.trim())))
        }
        None => Ok(value),
    }
}
