// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a session, as a table.

/// Where a session stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// No offer yet.
    #[default]
    Idle,
    /// An offer was taken; its bytes are wanted.
    Fetching,
    /// The last byte came, or the transfer failed for good.
    Finished,
}

/// What happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The platform offers an image.
    Offer,
    /// Somebody wants bytes.
    Read,
    /// All bytes are there, or none will come any more.
    End,
    /// The image is wanted from its first byte again.
    Restart,
}

impl Phase {
    /// The phase that follows, or `None` when `input` is not allowed here.
    pub fn after(self, input: Input) -> Option<Self> {
        match (self, input) {
            (Self::Idle | Self::Finished, Input::Offer) => Some(Self::Fetching),
            (Self::Fetching, Input::Read) => Some(Self::Fetching),
            (Self::Fetching, Input::End) => Some(Self::Finished),
            (Self::Fetching | Self::Finished, Input::Restart) => Some(self),
            (Self::Fetching, Input::Offer)
            | (Self::Idle | Self::Finished, Input::Read | Input::End)
            | (Self::Idle, Input::Restart) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        use Input::{End, Offer, Read, Restart};
        use Phase::{Fetching, Finished, Idle};
        let rows = [
            (Idle, [Some(Fetching), None, None, None]),
            (Fetching, [None, Some(Fetching), Some(Finished), Some(Fetching)]),
            (Finished, [Some(Fetching), None, None, Some(Finished)]),
        ];
        for (phase, expected) in rows {
            assert_eq!([Offer, Read, End, Restart].map(|input| phase.after(input)), expected, "{phase:?}");
        }
    }
}
