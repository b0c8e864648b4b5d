// SPDX-License-Identifier: MIT OR Apache-2.0
//! The head of an HTTP answer: its status and its header fields.

use crate::fetch::FetchError;

/// The longest head taken, in bytes; interim answers before it count as parts of it.
pub const MAX_HEAD: usize = 16 * 1024;
/// The most header fields.
const MAX_FIELDS: usize = 128;

/// The head of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Minor version: HTTP/1.0 or HTTP/1.1.
    pub minor: u8,
    /// Header fields.
    pub headers: Headers,
}

/// Header fields in the order they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Field>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Box<str>,
    /// `None`: it holds bytes other than visible ASCII, blanks and tabs.
    value: Option<Box<str>>,
}

impl Head {
    /// The head at the front of `bytes` and its length; `None` while it is not complete.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, FetchError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let len = match answer.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => {
                crate::log!(Debug, "fetch", "head of the answer: {error}");
                return Err(FetchError::Protocol);
            }
        };
        let (Some(minor), Some(status @ 100..)) = (answer.version, answer.code) else {
            return Err(FetchError::Protocol);
        };
        let mut headers = Headers::default();
        for field in answer.headers.iter() {
            headers.add(field.name, field.value);
        }
        Ok(Some((Self { status, minor, headers }, len)))
    }
}

impl Headers {
    /// Adds a field behind the others. The value's surrounding blanks do not count.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        let plain = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        let value = str::from_utf8(value).ok().filter(|_| plain).map(|value| value.trim().into());
        self.0.push(Field { name: name.into(), value });
    }

    /// Whether there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The first value of that name; `None` also when it is not text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next().flatten()
    }

    /// The value of a field that may stand there once only; twice with the same value is borne.
    pub fn single(&self, name: &str) -> Result<Option<&str>, FetchError> {
        let mut values = self.all(name);
        let Some(first) = values.next() else { return Ok(None) };
        if first.is_none() || values.any(|other| other != first) {
            return Err(FetchError::Protocol);
        }
        Ok(first)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = Option<&str>> {
        let same = move |field: &&Field| field.name.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|field| field.value.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let answer = b"HTTP/1.0 206 Partial\r\nA: 1\r\nb:\t 2 \r\na: 3\r\n\r\nbody";
        for cut in 0..answer.len() - 4 {
            assert_eq!(Head::parse(&answer[..cut]), Ok(None), "{cut}");
        }
        let (head, len) = Head::parse(answer).unwrap().unwrap();
        assert_eq!((head.status, head.minor, &answer[len..]), (206, 0, b"body".as_slice()));
        let text = |name| head.headers.text(name);
        assert_eq!((text("a"), text("B"), text("c")), (Some("1"), Some("2"), None));
        assert_eq!(head.headers.single("b"), Ok(Some("2")));
        assert_eq!(head.headers.single("a"), Err(FetchError::Protocol));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        let refused: [&[u8]; 9] = [
            b"nonsense",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1 099 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
            b"HTTP/1.1 200 OK\r\na: b\0\r\n\r\n",
            many.as_bytes(),
        ];
        for answer in refused {
            assert_eq!(Head::parse(answer), Err(FetchError::Protocol), "{}", answer.escape_ascii());
        }
    }

    #[test]
    fn a_value_that_is_no_text_stands_there_unread() {
        let (head, _) = Head::parse(b"HTTP/1.1 200\r\nA: \xff\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.headers.text("a"), None);
        assert_eq!(head.headers.single("a"), Err(FetchError::Protocol));
    }
}
