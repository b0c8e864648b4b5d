// SPDX-License-Identifier: MIT OR Apache-2.0
//! The languages of the console, and which of them a browser gets.

use axum::http::{HeaderMap, header};

use super::messages::Msg;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Chinese, as it is written in mainland China.
    Zh,
}

/// The cookie of the switch.
pub const LANG_COOKIE: &str = "otakit_lang";

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// As in `lang=` and in the cookie.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The language of a tag such as `zh-Hans-CN`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// What the switch says, else what the browser prefers, else English.
    pub fn of_request(headers: &HeaderMap) -> Self {
        cookie(headers, LANG_COOKIE).and_then(Self::of_tag).unwrap_or_else(|| {
            let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            Self::accepted(header.unwrap_or_default())
        })
    }

    /// The best of an `Accept-Language`.
    fn accepted(header: &str) -> Self {
        let mut best = (0_u32, Self::En);
        for item in header.split(',') {
            let mut parts = item.split(';');
            let Some(lang) = parts.next().and_then(Self::of_tag) else { continue };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
            let weight = weight.map_or(1.0, |q| q.parse::<f64>().unwrap_or(0.0)).clamp(0.0, 1.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 0 and 1000"
            )]
            let weight = (weight * 1000.0) as u32;
            if weight > best.0 {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// A text.
    pub fn text(self, message: Msg) -> &'static str {
        match self {
            Self::En => message.en(),
            Self::Zh => message.zh(),
        }
    }

    /// A text with values in place of `{name}`.
    pub fn fill(self, message: Msg, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        replaced(self.text(message), values)
    }

    /// A text about a number, in place of `{n}`; English has the forms `one|other`.
    pub fn count(self, message: Msg, n: i64) -> String {
        let text = self.text(message);
        let form = match text.split_once('|') {
            Some((one, _)) if n == 1 => one,
            Some((_, other)) => other,
            None => text,
        };
        replaced(form, &[("n", &thousands(n))])
    }
}

fn replaced(text: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // A value is not looked at again: it may have braces of its own.
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            out.push_str(&value.to_string());
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A number as people write it: `12,345`.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// A size as people write it.
pub fn size(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", tenths(1_024)),
        1_048_576..1_073_741_824 => format!("{} MiB", tenths(1_048_576)),
        _ => format!("{} GiB", tenths(1_073_741_824)),
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences() {
        for (header, wanted) in [
            ("", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-GB,en;q=0.9,zh;q=0.8", Lang::En),
            ("de-DE,zh;q=0.5,en;q=0.4", Lang::Zh),
            ("fr, de;q=0.5", Lang::En),
            ("zh;q=0, en;q=0.1", Lang::En),
            ("zh;q=nonsense", Lang::En),
            ("ZH-hans", Lang::Zh),
        ] {
            assert_eq!(Lang::accepted(header), wanted, "{header}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", "en".parse().unwrap());
        headers.insert("cookie", "a=b; otakit_lang=zh-CN".parse().unwrap());
        assert_eq!(Lang::of_request(&headers), Lang::Zh, "the switch counts");
    }

    #[test]
    fn numbers() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!([5, 2_048, 1_572_864].map(size), ["5 B", "2.0 KiB", "1.5 MiB"]);
    }

    #[test]
    fn values_are_not_read_as_patterns() {
        assert_eq!(replaced("a {x} b {y}", &[("x", &"{y}"), ("y", &1)]), "a {y} b 1");
    }
}
