// SPDX-License-Identifier: MIT OR Apache-2.0
//! Topic names and topic filters: which are accepted, and which name a filter matches.

/// The longest topic name or filter accepted from the application, in bytes.
pub const MAX_LEN: usize = 128;

/// Whether the application may publish to `topic`: begins with `/`, or with `$sys/` as topics of some brokers do;
/// at most [`MAX_LEN`] printable ASCII characters, no wildcard.
pub fn valid_topic(topic: &str) -> bool {
    well_formed(topic) && !has_wildcard(topic)
}

/// Whether the application may subscribe to `filter`: as [`valid_topic`], but `+` and `#` may each fill a whole
/// level, `#` the last one only.
pub fn valid_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    let mut placed_well = true;
    while let Some(level) = levels.next() {
        placed_well &= match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            other => !has_wildcard(other),
        };
    }
    well_formed(filter) && placed_well
}

/// Whether a received topic name can be handed on: a server must not send wildcards, NUL or nothing at all.
pub fn valid_received(topic: &str) -> bool {
    !topic.is_empty() && !has_wildcard(topic) && !topic.contains('\0')
}

/// Whether the topic name `topic` is one that `filter` asks for, by the rules of MQTT 3.1.1: `+` takes one level,
/// an empty one too; `#` takes the parent level and everything below it.
pub fn matches(filter: &str, topic: &str) -> bool {
    // Names that begin with `$` belong to the server; a wildcard at the front does not reach them.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut filter = filter.split('/');
    let mut topic = topic.split('/');
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn well_formed(text: &str) -> bool {
    let rooted = text.starts_with('/') || text.starts_with("$sys/");
    rooted && text.len() <= MAX_LEN && text.bytes().all(|b| (32..=126).contains(&b))
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['+', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_publishing() {
        let longest = format!("/{}", "a".repeat(MAX_LEN - 1));
        let too_long = format!("{longest}a");
        let platform = "$sys/pid/dev/ota/inform_reply";
        for good in
            ["/", "/a", "/ota/device/inform/pk/dn", platform, "/a b", "/a//b", "/a/", longest.as_str()]
        {
            assert!(valid_topic(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a/b",
            "$a",
            "$SYS/a",
            "/a/+",
            "/a/#",
            "/a+",
            "/a\n",
            "/\u{e9}",
            "/a\0",
            "/\x7f",
            too_long.as_str(),
        ] {
            assert!(!valid_topic(bad), "{bad}");
        }
    }

    #[test]
    fn filters_for_subscribing() {
        for good in ["/", "/a", "/+", "/#", "/a/+/b", "/+/+", "/a/+/#", "/a//#"] {
            assert!(valid_filter(good), "{good}");
        }
        for bad in ["", "#", "+", "a/#", "/a#", "/a+", "/#/a", "/a/#/", "/a/++", "/a/##", "/a/+b/c", "/\t"] {
            assert!(!valid_filter(bad), "{bad}");
        }
    }

    #[test]
    fn matching_follows_the_standard() {
        // filter, topic, answer
        let table = [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/b/", false),
            ("/a/b", "/a", false),
            ("/a/+", "/a/b", true),
            ("/a/+", "/a/", true),
            ("/a/+", "/a", false),
            ("/a/+", "/a/b/c", false),
            ("/+/b", "//b", true),
            ("/a/#", "/a", true),
            ("/a/#", "/a/", true),
            ("/a/#", "/a/b/c", true),
            ("/a/#", "/ab", false),
            ("/#", "/", true),
            ("/+/#", "/a", true),
            ("#", "/a", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/+", "$SYS/x", true),
            ("/A", "/a", false),
            ("/a/+/c", "/a/b/c", true),
            ("/a/+/c", "/a/b/d", false),
        ];
        for (filter, topic, answer) in table {
            assert_eq!(matches(filter, topic), answer, "{filter} {topic}");
        }
    }

    #[test]
    fn every_valid_name_matches_itself_and_its_wildcards() {
        for topic in ["/", "/a", "/a/b", "/a//b", "/ota/device/upgrade/pk/dn", "/a/"] {
            assert!(matches(topic, topic));
            assert!(matches("/#", topic));
            let (parent, _) = topic.rsplit_once('/').unwrap();
            assert!(matches(&format!("{parent}/+"), topic), "{topic}");
            assert!(matches(&format!("{parent}/#"), topic), "{topic}");
            assert!(matches(&format!("{topic}/#"), topic), "{topic}");
            assert!(!matches(&format!("{topic}/x"), topic), "{topic}");
        }
    }

    #[test]
    fn names_from_the_server() {
        assert!(valid_received("/a/b"));
        assert!(valid_received("no/slash/in/front"));
        for bad in ["", "/a/+", "#", "/a\0b"] {
            assert!(!valid_received(bad), "{bad}");
        }
    }
}
