// SPDX-License-Identifier: MIT OR Apache-2.0
//! A URL taken apart, and joined with where a redirect leads.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::net::Ipv6Addr;

use super::{MAX_LEN, UrlError};

/// A URL taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether the scheme is https.
    pub secure: bool,
    /// `user:password`, percent-decoded; `None` without user info.
    pub userinfo: Option<Vec<u8>>,
    /// Host name or address; an IPv6 address stands without brackets.
    pub host: String,
    /// Port, the scheme's default filled in.
    pub port: u16,
    /// Path and query, never empty, without the fragment.
    pub path: String,
}

impl Url {
    /// Takes an absolute URL apart.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_LEN {
            return Err(UrlError::TooLong);
        }
        // A raw CR or LF would let a URL write request headers of its own.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = match scheme {
            s if s.eq_ignore_ascii_case("https") => true,
            s if s.eq_ignore_ascii_case("http") => false,
            _ => return Err(UrlError::Scheme),
        };
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(credentials(userinfo)?), host_port),
            None => (None, authority),
        };
        let (host, port) = split_host_port(host_port)?;
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, userinfo, host, port, path: path_and_query(tail) })
    }

    /// The URL that a `Location` header leads to from here (RFC 3986, section 5.2).
    ///
    /// User info goes along to the same scheme, host and port, unless the header brings its own, and nowhere else.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let absolute = if let Some(rest) = location.strip_prefix("//") {
            Some(Self::parse(&format!("{}://{rest}", self.scheme()))?)
        } else if has_scheme(location) {
            Some(Self::parse(location)?)
        } else {
            None
        };
        if let Some(mut next) = absolute {
            if next.userinfo.is_none() && next.is_same_origin(self) {
                next.userinfo.clone_from(&self.userinfo);
            }
            return Ok(next);
        }
        if location.len() > MAX_LEN {
            return Err(UrlError::TooLong);
        }
        if !location.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let old_path = self.path.split('?').next().unwrap_or("/");
        let path = match location.chars().next() {
            Some('/') => normalize(&path_and_query(location)),
            Some('?') => path_and_query(&format!("{old_path}{location}")),
            Some('#') | None => self.path.clone(),
            Some(_) => {
                let folder = old_path.rsplit_once('/').map_or("", |(folder, _)| folder);
                normalize(&path_and_query(&format!("{folder}/{location}")))
            }
        };
        Ok(Self { path, ..self.clone() })
    }

    fn is_same_origin(&self, other: &Self) -> bool {
        (self.secure, self.port) == (other.secure, other.port) && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Scheme, host, port, path and query.
    pub fn whole(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority(), self.path)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// What the `Host` header carries: host, and the port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.secure { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Debug for Url {
    /// As [`Url::fmt`](fmt::Display): user info and query may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Url {
    /// Fit for a log line: without its user info, and with `?***` in place of a query, which may be a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())?;
        match self.path.split_once('?') {
            Some((path, _)) => write!(f, "{path}?{:?}", crate::Hidden),
            None => f.write_str(&self.path),
        }
    }
}

/// A `Location` in the characters that a URL may have: servers write blanks, UTF-8 and Latin-1 as they are.
pub fn escaped(location: &[u8]) -> String {
    let mut text = String::with_capacity(location.len());
    for byte in location.trim_ascii() {
        if byte.is_ascii_graphic() {
            text.push(char::from(*byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Scheme, host and port of a text that may be no URL, for a log line: never its user info, nor anything behind the host.
pub fn place(text: &str) -> String {
    /// Characters that are shown.
    const MOST: usize = 80;
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if has_scheme(text) => (Some(scheme), rest),
        _ => (None, text),
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    // A password with a slash in it makes the host look as if it ended there.
    let host = if tail.contains('@') { "***" } else { authority.rsplit('@').next().unwrap_or_default() };
    let shown = match scheme {
        Some(scheme) => format!("{scheme}://{host}"),
        None => host.to_owned(),
    };
    escaped(shown.as_bytes()).chars().take(MOST).collect()
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn path_and_query(tail: &str) -> String {
    let tail = tail.split('#').next().unwrap_or_default();
    if tail.starts_with('/') { tail.to_owned() } else { format!("/{tail}") }
}

/// Resolves `.` and `..` segments of the path, leaving the query alone.
fn normalize(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        segments.push("");
    }
    let path = format!("/{}", segments.join("/"));
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// `user:password` as HTTP's basic authentication has it: the colon is there without a password too.
fn credentials(userinfo: &str) -> Result<Vec<u8>, UrlError> {
    let mut bytes = percent_decode(userinfo)?;
    if !userinfo.contains(':') {
        bytes.push(b':');
    }
    Ok(bytes)
}

fn split_host_port(text: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(UrlError::Host)?;
        address.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        (address, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(UrlError::Host)?) })
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if host.is_empty() || host.len() > 253 || !host.chars().all(allowed) {
            return Err(UrlError::Host);
        }
        (host, port)
    };
    // "http://host:/path" is allowed and means the default port.
    let port = match port.filter(|digits| !digits.is_empty()) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?)
        }
        Some(_) => return Err(UrlError::Port),
        None => None,
    };
    Ok((host.to_owned(), port))
}

fn percent_decode(text: &str) -> Result<Vec<u8>, UrlError> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut nibble = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (nibble(), nibble());
        let (Some(high), Some(low)) = (high, low) else { return Err(UrlError::UserInfo) };
        decoded.push(u8::try_from(high * 16 + low).map_err(|_| UrlError::UserInfo)?);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parsed(text: &str) -> (bool, String, u16, String) {
        let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (url.secure, url.host, url.port, url.path)
    }

    #[test]
    fn what_is_no_url_is_shown_by_scheme_and_host_alone() {
        let long = format!("ftp://{}", "a".repeat(300));
        let cases = [
            ("ftp://files.test/a?sig=secret", "ftp://files.test"),
            ("http://user:secret@h.test:99999/p", "http://h.test:99999"),
            ("http://user:sec/ret@h.test/p", "http://***"),
            ("user:secret@h.test/p?x=secret", "h.test"),
            ("h.test?u=http://x@y", "***"),
            ("http://h \u{e9}\r\n/secret", "http://h%20%C3%A9"),
            ("", ""),
            (long.as_str(), &long[..80]),
        ];
        for (text, shown) in cases {
            assert_eq!(place(text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_a_url_holds_no_secret() {
        let url = Url::parse("https://user:pass@h/p/f.bin?Signature=s3cret&Expires=1").unwrap();
        for shown in [url.to_string(), format!("{url:?}")] {
            assert_eq!(shown, "https://h/p/f.bin?***");
        }
    }

    #[test]
    fn parts() {
        let ok = |secure, host: &str, port, path: &str| (secure, host.to_owned(), port, path.to_owned());
        assert_eq!(parsed("http://h"), ok(false, "h", 80, "/"));
        assert_eq!(parsed("HTTPS://h.example:8443/a/b?c=d#e"), ok(true, "h.example", 8443, "/a/b?c=d"));
        assert_eq!(parsed("http://h?x=/#y"), ok(false, "h", 80, "/?x=/"));
        assert_eq!(parsed("http://h#x/p"), ok(false, "h", 80, "/"));
        assert_eq!(parsed("http://h:/p"), ok(false, "h", 80, "/p"));
        assert_eq!(parsed("http://[::1]:81/p"), ok(false, "::1", 81, "/p"));
        assert_eq!(parsed("http://u:p@127.0.0.1:8099/p@q"), ok(false, "127.0.0.1", 8099, "/p@q"));
        assert_eq!(Url::parse("http://u%40:p%3A@h/").unwrap().userinfo.unwrap(), b"u@:p:");
        assert_eq!(Url::parse("http://token@h/").unwrap().userinfo.unwrap(), b"token:");
        assert_eq!(Url::parse("http://[::1]:81/p").unwrap().to_string(), "http://[::1]:81/p");
        assert_eq!(Url::parse("https://u:secret@h:443/p").unwrap().to_string(), "https://h/p");
        assert_eq!(parsed(&format!("http://h/{}", "a".repeat(MAX_LEN - 9))).3.len(), MAX_LEN - 8);
    }

    #[test]
    fn refusals() {
        let cases = [
            ("", UrlError::Scheme),
            ("h/p", UrlError::Scheme),
            ("ftp://h/p", UrlError::Scheme),
            ("http:///p", UrlError::Host),
            ("http://#x/p", UrlError::Host),
            ("http://[::1/p", UrlError::Host),
            ("http://[::1]x/p", UrlError::Host),
            ("http://a b/", UrlError::Character),
            ("http://h/a\r\nX: y", UrlError::Character),
            ("http://h/\u{e9}", UrlError::Character),
            ("http://h:0/", UrlError::Port),
            ("http://h:65536/", UrlError::Port),
            ("http://h:+1/", UrlError::Port),
            ("http://u%4@h/", UrlError::UserInfo),
            ("http://ho%st/", UrlError::Host),
        ];
        for (text, error) in cases {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
        assert_eq!(Url::parse(&format!("http://{}/", "h".repeat(254))), Err(UrlError::Host));
        assert_eq!(Url::parse(&format!("http://h/{}", "a".repeat(MAX_LEN))), Err(UrlError::TooLong));
    }

    #[test]
    fn joins() {
        let base = Url::parse("https://h:8443/a/b?q").unwrap();
        let cases = [
            ("http://o/x", "http://o/x"),
            ("//o/x", "https://o/x"),
            ("/x?y", "https://h:8443/x?y"),
            ("x", "https://h:8443/a/x"),
            ("../x", "https://h:8443/x"),
            ("../../../x/./y/..", "https://h:8443/x/"),
            ("?z", "https://h:8443/a/b?z"),
            ("#f", "https://h:8443/a/b?q"),
            ("x?u=http://o/", "https://h:8443/a/x?u=http://o/"),
        ];
        for (location, expected) in cases {
            assert_eq!(base.join(location).unwrap().whole(), expected, "{location}");
        }
        assert_eq!(base.join("ftp://o/"), Err(UrlError::Scheme));
        assert_eq!(base.join("/a b"), Err(UrlError::Character));
        assert_eq!(base.join(&"a".repeat(MAX_LEN + 1)), Err(UrlError::TooLong));
    }

    #[test]
    fn locations_are_escaped_where_they_must_be() {
        let cases: [(&[u8], &str); 7] = [
            (b" /a ", "/a"),
            (b"/a b\tc", "/a%20b%09c"),
            ("/f\u{fc}r".as_bytes(), "/f%C3%BCr"),
            (b"/caf\xe9", "/caf%E9"),
            (b"/a%20b", "/a%20b"),
            (b"/\"<>^`{|}", "/\"<>^`{|}"),
            (b"/a\x7f\x01", "/a%7F%01"),
        ];
        for (raw, text) in cases {
            assert_eq!(escaped(raw), text);
        }
        let base = Url::parse("http://h/a/b").unwrap();
        let to = |raw: &[u8]| base.join(&escaped(raw));
        assert_eq!(to("\u{e9}?\u{e8} x#\u{ea}".as_bytes()).unwrap().whole(), "http://h/a/%C3%A9?%C3%A8%20x");
        assert_eq!(to("http://h\u{f6}st/".as_bytes()), Err(UrlError::Host));
    }

    #[test]
    fn user_info_stays_with_its_origin() {
        let base = Url::parse("http://u:p@Host:8080/a/b").unwrap();
        let info = |location: &str| base.join(location).unwrap().userinfo;
        let own = Some(b"u:p".to_vec());
        for same in ["c", "/c", "?c", "#c", "//host:8080/c", "http://hOST:8080/c", "HTTP://host:8080"] {
            assert_eq!(info(same), own, "{same}");
        }
        for other in [
            "//host/c",
            "http://host/c",
            "https://host:8080/c",
            "//host:8081/c",
            "//host.:8080/",
            "//sub.host:8080/",
        ] {
            assert_eq!(info(other), None, "{other}");
        }
        assert_eq!(info("http://x:y@host:8080/"), Some(b"x:y".to_vec()));
        assert_eq!(info("//x@other/"), Some(b"x:".to_vec()));
        let default = Url::parse("https://u@h/").unwrap();
        assert_eq!(default.join("https://h:443/x").unwrap().userinfo, Some(b"u:".to_vec()));
    }

    #[test]
    fn each_refusal_reads_differently() {
        let all = [
            UrlError::TooLong,
            UrlError::Scheme,
            UrlError::Host,
            UrlError::Port,
            UrlError::Character,
            UrlError::UserInfo,
        ];
        let texts: std::collections::HashSet<String> = all.iter().map(UrlError::to_string).collect();
        assert_eq!(texts.len(), all.len());
        assert!(UrlError::TooLong.to_string().contains(&MAX_LEN.to_string()));
    }
}
