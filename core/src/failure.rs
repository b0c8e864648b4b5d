// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a session cannot do what was asked.

use core::fmt;

use crate::fetch::FetchError;
use crate::policy::PolicyViolation;
use crate::store::StoreError;

/// What went wrong with an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not allowed in this phase, or another thread is reading.
    State,
    /// The image did not come.
    Fetch(FetchError),
    /// The image is complete, but its digest is not the one promised.
    Digest,
    /// The image is complete, but its signature is not by a trusted key.
    Signature,
    /// The image comes more slowly than the policy allows.
    TooSlow,
    /// The time for the whole download is over.
    Deadline,
    /// The platform was asked for a fresh URL and offered another image.
    OtherImage,
    /// The offer breaks the policy.
    Policy(PolicyViolation),
    /// The image could not be stored.
    Store(StoreError),
    /// A delta package could not be applied.
    Delta(DeltaFailure),
    /// No memory for the transfer's slots.
    NoMemory,
    /// No thread for the transfer.
    Resources,
    /// Cancelled or restarted by another thread.
    Cancelled,
    /// A defect in this library, caught.
    Internal,
}

/// Why a delta package could not be applied, as far as it matters to who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaFailure {
    /// It is none, or is damaged.
    Package,
    /// The image that is there is not the one that it was made for.
    Base,
    /// It needs more memory than is allowed.
    Memory,
    /// This build has no code for it.
    Unsupported,
}

impl fmt::Display for DeltaFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Package => "not a delta package, or a damaged one",
            Self::Base => "the image that is there is not the one that the delta package was made for",
            Self::Memory => "delta package needs more memory than is allowed",
            Self::Unsupported => "this build applies no delta packages",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State => f.write_str("not allowed in this state"),
            Self::Fetch(error) => error.fmt(f),
            Self::Digest => f.write_str("image's digest is not the one promised"),
            Self::Signature => f.write_str("image's signature is not by a trusted key"),
            Self::TooSlow => f.write_str("image comes slower than allowed (slow retrieval)"),
            Self::Deadline => f.write_str("time for the download is over"),
            Self::OtherImage => f.write_str("the platform offers another image now"),
            Self::Policy(violation) => violation.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Delta(error) => error.fmt(f),
            Self::NoMemory => f.write_str("out of memory"),
            Self::Resources => f.write_str("cannot start a thread"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Internal => f.write_str("internal error"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn each_failure_reads_differently_and_tells_the_cause_beneath() {
        let (fetch, violation, store) = (FetchError::Encoding, PolicyViolation::Rollback, StoreError::Full);
        let all = [
            Failure::State,
            Failure::Fetch(fetch.clone()),
            Failure::Digest,
            Failure::Signature,
            Failure::TooSlow,
            Failure::Deadline,
            Failure::OtherImage,
            Failure::Policy(violation),
            Failure::from(store),
            Failure::Delta(DeltaFailure::Package),
            Failure::Delta(DeltaFailure::Base),
            Failure::Delta(DeltaFailure::Memory),
            Failure::Delta(DeltaFailure::Unsupported),
            Failure::NoMemory,
            Failure::Resources,
            Failure::Cancelled,
            Failure::Internal,
        ];
        let texts: std::collections::HashSet<String> = all.iter().map(Failure::to_string).collect();
        assert_eq!(texts.len(), all.len());
        for beneath in [fetch.to_string(), violation.to_string(), store.to_string()] {
            assert!(texts.contains(&beneath), "{beneath}");
        }
    }
}
