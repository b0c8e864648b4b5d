// SPDX-License-Identifier: MIT OR Apache-2.0
//! What somebody may do. A request needs one scope, by its method and path; what nobody thought of needs [`Scope::Admin`].

use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// One kind of permission.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything but tokens and the audit log.
    Read,
    /// Add and delete firmware and configurations.
    Firmware,
    /// Offer firmware: jobs, single offers, tasks.
    Jobs,
    /// Add and delete devices, put them into groups.
    Devices,
    /// Everything.
    Admin,
}

/// Every scope, with its name.
const NAMES: [(Scope, &str); 5] = [
    (Scope::Read, "read"),
    (Scope::Firmware, "firmware"),
    (Scope::Jobs, "jobs"),
    (Scope::Devices, "devices"),
    (Scope::Admin, "admin"),
];

/// A set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Everything.
    pub fn all() -> Self {
        Self(vec![Scope::Admin])
    }

    /// These, each once.
    pub fn new(scopes: &[Scope]) -> Self {
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Whether they allow what needs `scope`.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || self.0.contains(&Scope::Admin)
    }

    /// From `read,jobs`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let scopes = text.split(',').map(|name| {
            let found = NAMES.iter().find(|(_, known)| *known == name.trim());
            found.map(|(scope, _)| *scope).ok_or_else(|| {
                let known = NAMES.map(|(_, name)| name).join(", ");
                Failure::new(format!("{name:?} is no scope; there are {known}"))
            })
        });
        Ok(Self::new(&scopes.collect::<Result<Vec<_>, _>>()?))
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = NAMES.iter().find(|(scope, _)| scope == self).map_or("?", |(_, name)| name);
        f.write_str(name)
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if n > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// The scope that a request needs.
pub fn needed(method: &Method, path: &str) -> Scope {
    let mut parts = path.trim_start_matches('/').split('/');
    let (area, what) = match parts.next().unwrap_or_default() {
        "api" => ("api", parts.next().unwrap_or_default()),
        other => (other, parts.next().unwrap_or_default()),
    };
    let looks = matches!(*method, Method::GET | Method::HEAD);
    match (area, what) {
        ("api", "tokens" | "audit" | "password") => Scope::Admin,
        ("metrics", _) => Scope::Read,
        ("api", _) if looks => Scope::Read,
        ("api", "devices") => Scope::Devices,
        ("api", "firmware" | "config") => Scope::Firmware,
        // A preview changes nothing.
        ("api", "jobs") if parts.next() == Some("preview") => Scope::Read,
        ("api", "jobs" | "push" | "cancel" | "onenet") => Scope::Jobs,
        _ => Scope::Admin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_needs() {
        for (method, path, scope) in [
            (Method::GET, "/api/status", Scope::Read),
            (Method::GET, "/api/jobs/7", Scope::Read),
            (Method::POST, "/api/jobs/preview", Scope::Read),
            (Method::POST, "/api/jobs/7/start", Scope::Jobs),
            (Method::POST, "/api/push", Scope::Jobs),
            (Method::POST, "/api/onenet/task", Scope::Jobs),
            (Method::DELETE, "/api/devices/p/d", Scope::Devices),
            (Method::POST, "/api/config", Scope::Firmware),
            (Method::GET, "/api/tokens", Scope::Admin),
            (Method::GET, "/api/audit", Scope::Admin),
            (Method::POST, "/api/password", Scope::Admin),
            (Method::POST, "/api/anything", Scope::Admin),
            (Method::GET, "/metrics", Scope::Read),
            (Method::GET, "/", Scope::Admin),
            (Method::POST, "//api/status", Scope::Jobs.max(Scope::Admin)),
        ] {
            assert_eq!(needed(&method, path), scope, "{method} {path}");
        }
    }

    #[test]
    fn sets() {
        let some = Scopes::parse("jobs, read,jobs").unwrap();
        assert_eq!(some.to_string(), "read,jobs");
        assert!(some.allow(Scope::Read) && some.allow(Scope::Jobs) && !some.allow(Scope::Devices));
        assert!(Scopes::all().allow(Scope::Firmware));
        assert!(!Scopes::default().allow(Scope::Read));
        let refused = Scopes::parse("read,root").unwrap_err().to_string();
        assert!(refused.contains("\"root\" is no scope"), "{refused}");
    }
}
