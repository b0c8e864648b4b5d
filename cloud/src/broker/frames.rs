// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds the packets in a stream of MQTT that passes by. Bodies of packets that nobody asked for are not kept.

/// The longest body that is kept.
const MAX_BODY: usize = 64 * 1024;

/// SUBSCRIBE.
pub const SUBSCRIBE: u8 = 8;
/// SUBACK.
pub const SUBACK: u8 = 9;
/// UNSUBSCRIBE.
pub const UNSUBSCRIBE: u8 = 10;
/// PINGREQ.
pub const PINGREQ: u8 = 12;
/// DISCONNECT.
pub const DISCONNECT: u8 = 14;

/// A packet: its type, and what follows the fixed header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// One of the constants above.
    pub kind: u8,
    /// At most 64 KiB; of a longer one the beginning.
    pub body: Vec<u8>,
}

/// One direction of a connection.
pub struct Frames {
    wanted: &'static [u8],
    head: Vec<u8>,
    frame: Option<(Frame, usize)>,
}

impl Frames {
    /// Looks out for packets of these types.
    pub fn new(wanted: &'static [u8]) -> Self {
        Self { wanted, head: Vec::new(), frame: None }
    }

    /// Takes the next bytes; the packets that are complete now.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Vec<Frame> {
        let mut complete = Vec::new();
        loop {
            if let Some((frame, left)) = &mut self.frame {
                let (now, later) = bytes.split_at(bytes.len().min(*left));
                let room = MAX_BODY.saturating_sub(frame.body.len());
                if self.wanted.contains(&frame.kind) {
                    frame.body.extend_from_slice(now.get(..now.len().min(room)).unwrap_or_default());
                }
                *left -= now.len();
                bytes = later;
                if *left > 0 {
                    return complete;
                }
                complete.extend(self.frame.take().map(|(f, _)| f).filter(|f| self.wanted.contains(&f.kind)));
            }
            let Some((&byte, later)) = bytes.split_first() else { return complete };
            bytes = later;
            self.head.push(byte);
            // The type, then the length: seven bits a byte, the last one without the eighth. Four at most; what says
            // otherwise is no MQTT, and the broker ends it.
            if let [first, length @ .., last] = self.head.as_slice()
                && (last & 0x80 == 0 || length.len() == 3)
            {
                let all = length.iter().chain([last]).enumerate();
                let left = all.fold(0, |sum, (n, byte)| sum | usize::from(byte & 0x7F) << (7 * n));
                self.frame = Some((Frame { kind: first >> 4, body: Vec::new() }, left));
                self.head.clear();
            }
        }
    }
}

impl Frame {
    /// The packet id that SUBSCRIBE, SUBACK and UNSUBSCRIBE begin with.
    pub fn packet_id(&self) -> Option<[u8; 2]> {
        self.body.first_chunk().copied()
    }

    /// The filters of a SUBSCRIBE (each with its QoS behind it) or an UNSUBSCRIBE.
    pub fn filters(&self) -> Vec<String> {
        let mut rest = self.body.get(2..).unwrap_or_default();
        let mut filters = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let Some((text, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
                break;
            };
            filters.push(String::from_utf8_lossy(text).into_owned());
            rest = after.get(usize::from(self.kind == SUBSCRIBE)..).unwrap_or_default();
        }
        filters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_in_any_portions() {
        let subscribe = b"\x82\x0E\0\x07\0\x02/a\x01\0\x04/b/+\0";
        let publish = [&b"\x30\xC8\x01"[..], &[0x82; 200]].concat();
        let stream =
            [&publish[..], subscribe, b"\xC0\0", &publish, b"\xA2\x06\0\x08\0\x02/a", b"\xE0\0"].concat();
        for size in [1, 2, 3, 7, 100, stream.len()] {
            let mut frames = Frames::new(&[SUBSCRIBE, UNSUBSCRIBE, DISCONNECT]);
            let found: Vec<Frame> = stream.chunks(size).flat_map(|bytes| frames.feed(bytes)).collect();
            let kinds: Vec<u8> = found.iter().map(|frame| frame.kind).collect();
            assert_eq!(kinds, [SUBSCRIBE, UNSUBSCRIBE, DISCONNECT], "{size}");
            assert_eq!(found[0].packet_id(), Some([0, 7]));
            assert_eq!(found[0].filters(), ["/a", "/b/+"]);
            assert_eq!(found[1].filters(), ["/a"]);
        }
    }

    #[test]
    fn torn_lists_of_filters() {
        let frame = |body: &[u8]| Frame { kind: SUBSCRIBE, body: body.to_vec() };
        assert!(frame(b"").filters().is_empty());
        assert!(frame(b"\0\x01\0\x09/a").filters().is_empty());
        assert_eq!(frame(b"\0\x01\0\x02/a").filters(), ["/a"]);
    }
}
