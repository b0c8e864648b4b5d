// SPDX-License-Identifier: MIT OR Apache-2.0
//! All cases, by family. A case is a name, a sentence, what may come of it, and a function from request to
//! plan.
//!
//! What may come of it holds for a client that knows size and digest of the image beforehand, resumes with
//! Range and If-Range, waits up to ten seconds for the next byte (or as long as a stall lasts that
//! `?seconds=` shortens), tries transient faults again within a budget, and never accepts unverified bytes.
//! Where both a patient and a strict client are right, a case names both outcomes, the better one first.

mod header;
mod length;
mod range;
mod redirect;
mod status;
mod stream;

use serde::Serialize;

use super::plan::{Ctx, Op, honest};

/// The image arrives whole and verified.
pub const RIGHT: &str = "right bytes";
/// A status says that trying again is of no use.
pub const STATUS: &str = "error:status";
/// A transient fault that lasted until the budget of attempts was used up.
pub const UNAVAILABLE: &str = "error:unavailable";
/// The answer is not HTTP, or contradicts itself.
pub const PROTOCOL: &str = "error:protocol";
/// The length is not that of the offer.
pub const LENGTH: &str = "error:length";
/// A partial answer that does not fit what was asked for.
pub const RANGE: &str = "error:range";
/// A redirect that leads nowhere.
pub const REDIRECT: &str = "error:redirect";
/// No bytes for too long, in every attempt.
pub const STALL: &str = "error:stall";
/// All bytes came, and they are not the image.
pub const DIGEST: &str = "error:digest";

/// From request to plan.
type Make = Box<dyn Fn(&Ctx) -> Vec<Op> + Send + Sync>;

/// One way to misbehave, or to behave unusually well.
#[derive(Serialize)]
pub struct Case {
    /// First part of the path.
    pub name: String,
    /// Which module it is in.
    pub family: &'static str,
    /// What the server does.
    pub about: String,
    /// Outcomes that are right for a client, the best first.
    pub expect: Vec<&'static str>,
    #[serde(skip)]
    make: Make,
}

impl Case {
    /// What to do with this request.
    pub fn plan(&self, ctx: &Ctx) -> Vec<Op> {
        (self.make)(ctx)
    }
}

/// Collects the cases of a family.
struct Family {
    name: &'static str,
    cases: Vec<Case>,
}

impl Family {
    fn new(name: &'static str) -> Self {
        Self { name, cases: Vec::new() }
    }

    fn add(
        &mut self,
        name: impl Into<String>,
        about: impl Into<String>,
        expect: &[&'static str],
        make: impl Fn(&Ctx) -> Vec<Op> + Send + Sync + 'static,
    ) {
        let (name, about, expect) = (name.into(), about.into(), expect.to_vec());
        self.cases.push(Case { name, family: self.name, about, expect, make: Box::new(make) });
    }
}

/// Every case.
pub fn all() -> Vec<Case> {
    [status::cases, range::cases, length::cases, stream::cases, redirect::cases, header::cases]
        .into_iter()
        .flat_map(|family| family())
        .collect()
}

/// The honest answer, except for the first `n` attempts under a token.
fn first(n: u32, ctx: &Ctx, bad: impl FnOnce(&Ctx) -> Vec<Op>) -> Vec<Op> {
    if ctx.attempt <= n { bad(ctx) } else { honest(ctx).ops() }
}

/// A first attempt that breaks off after a third; then `later`, with 2 as the first attempt.
fn after_cut(ctx: &Ctx, later: impl FnOnce(&Ctx) -> Vec<Op>) -> Vec<Op> {
    if ctx.attempt == 1 { honest(ctx).cut(ctx.third()) } else { later(ctx) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::plan::MAX_SIZE;
    use crate::faults::request::Request;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_plain() {
        let cases = all();
        let names: HashSet<&str> = cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(case.name.chars().all(plain), "{}", case.name);
            assert!(!["cases", "log", "digest"].contains(&case.name.as_str()));
            assert!(!case.about.is_empty() && !case.expect.is_empty(), "{}", case.name);
        }
    }

    #[test]
    fn every_case_has_a_plan_for_every_size_and_attempt() {
        for case in all() {
            for size in [0, 1, 2, 60_000, MAX_SIZE] {
                for (attempt, range) in [(1, None), (2, Some("bytes=1-")), (3, Some("bytes=20000-"))] {
                    let headers = range.map(|v| ("Range".to_owned(), v.to_owned())).into_iter().collect();
                    let target = format!("/{}/{size}", case.name);
                    let request = Request { method: "GET".into(), target, headers };
                    // Must not panic; a plan may well be empty.
                    let _ = case.plan(&Ctx { size, request, attempt, case: case.name.clone() });
                }
            }
        }
    }
}
