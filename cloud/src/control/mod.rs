// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control API: one table of operations, from which the routes and the OpenAPI document are both made.
//!
//! [`Routes::op`] is the only way to add a route to it. What a request carries and what it is answered with are read off the
//! handler's own signature ([`shape`]), so the document cannot say anything else than the handler does. The right that a
//! request needs comes from the function that enforces it ([`scope::needed`]). [`all`] is the whole API: `serve` makes its
//! router of it, `otakit-cloud openapi` prints the document of it.

pub mod document;
pub mod extract;
pub mod shape;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use crate::access::{self, Access, scope};
use crate::data::Store;
use crate::origin::api::Shared;
use crate::rollout::scheduler::Scheduler;
use crate::{metrics, onenet, origin};
use shape::{Describe, Operation};

/// What an operation is called, and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// Its name for generated clients.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Whether its body names what may not be there.
    pub names: bool,
}

/// A name and a sentence.
pub const fn doc(id: &'static str, summary: &'static str) -> Doc {
    Doc { id, summary, names: false }
}

impl Doc {
    /// The body names a device or a firmware: it may not be there.
    pub const fn of_named(self) -> Self {
        Self { names: true, ..self }
    }
}

/// An operation of the API.
#[derive(Debug)]
pub struct Op {
    /// Its method.
    pub method: Method,
    /// Its path, with `{name}` where something is put in.
    pub path: &'static str,
    /// What it is called.
    pub doc: Doc,
    /// Whether somebody may use it who is not signed in.
    pub public: bool,
    /// Says what the handler takes and gives.
    pub describe: fn(&mut Operation<'_>),
}

impl Op {
    /// The scope that a request needs; `None`: whoever asks is answered.
    pub fn scope(&self) -> Option<scope::Scope> {
        (!self.public).then(|| scope::needed(&self.method, self.path))
    }
}

/// Operations that share a state.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    ops: Vec<Op>,
    public: bool,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// For [`access::check`] to stand in front of.
    pub fn new() -> Self {
        Self { router: Router::new(), ops: Vec::new(), public: false }
    }

    /// For everybody.
    pub fn public() -> Self {
        Self { public: true, ..Self::new() }
    }

    /// Adds an operation.
    pub fn op<H, T>(mut self, method: Method, path: &'static str, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, S> + Describe<T>,
        T: 'static,
    {
        // Every method that we name has a filter.
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        self.router = self.router.route(path, on(filter, handler));
        self.ops.push(Op { method, path, doc, public: self.public, describe: H::describe });
        self
    }

    /// The same, with another limit for bodies that are read whole.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.router = self.router.layer(axum::extract::DefaultBodyLimit::max(bytes));
        self
    }

    /// The router.
    pub fn with(self, state: S) -> Router {
        self.router.with_state(state)
    }
}

/// Every operation that there is, by what the handlers share.
#[derive(Debug)]
pub struct Control {
    /// Devices, single offers, the document.
    pub origin: Routes<Arc<Shared>>,
    /// Firmware and configurations.
    pub library: Routes<Arc<Shared>>,
    /// OneNET's tasks.
    pub onenet: Routes<Arc<onenet::api::Shared>>,
    /// Jobs.
    pub jobs: Routes<Arc<Scheduler>>,
    /// Sessions, tokens, the audit log.
    pub access: Routes<Arc<Access>>,
    /// Figures for Prometheus.
    pub metrics: Routes<Arc<Store>>,
    /// Signing in.
    pub sign_in: Routes<Arc<Access>>,
    /// Whether the process and its database answer.
    pub probes: Routes<Arc<Store>>,
}

/// The whole API.
pub fn all() -> Control {
    Control {
        origin: origin::api::control(),
        library: origin::library::control(),
        onenet: onenet::control::control(),
        jobs: origin::jobs::control(),
        access: access::api::control(),
        metrics: metrics::control(),
        sign_in: access::api::public(),
        probes: metrics::probes(),
    }
}

impl Control {
    /// All of them, in the order of the document.
    pub fn ops(&self) -> Vec<&Op> {
        // No field is left out: a new one does not compile until it is named here.
        let Self { origin, library, onenet, jobs, access, metrics, sign_in, probes } = self;
        let all = [
            origin.ops.iter(),
            library.ops.iter(),
            jobs.ops.iter(),
            onenet.ops.iter(),
            sign_in.ops.iter(),
            access.ops.iter(),
            metrics.ops.iter(),
            probes.ops.iter(),
        ];
        all.into_iter().flatten().collect()
    }
}
