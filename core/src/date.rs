// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dates as seconds since 1970: those that HTTP headers carry (RFC 9110, section 5.6.7), and plain ones.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a date in any of its three forms.
pub fn parse(text: &str) -> Option<i64> {
    let fields = text.split([' ', ',', '-', ':']).filter(|field| !field.is_empty());
    // The weekday tells nothing; one field more than any form has is enough to refuse it.
    let mut all = [""; 8];
    let mut count = 0;
    for (place, field) in all.iter_mut().zip(fields) {
        *place = field;
        count += 1;
    }
    let (day, month, year, time) = match all.get(1..count)? {
        [day, month, year, h, m, s, "GMT" | "UTC"] if day.len() <= 2 => (day, month, year, [h, m, s]),
        [month, day, h, m, s, year] => (day, month, year, [h, m, s]),
        _ => return None,
    };
    let [hour, minute, second] = time.map(|field| number(field, 2));
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let year = match (number(year, 4)?, year.len()) {
        (year @ 0..70, 2) => 2000 + year,
        (year, 2) => 1900 + year,
        (year, _) => year,
    };
    seconds(year, i64::try_from(month).ok()? + 1, number(day, 2)?, [hour?, minute?, second?])
}

/// Seconds since 1970 of a date, the month from 1, and hour, minute, second.
pub fn seconds(year: i64, month: i64, day: i64, [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let sound = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let days = days_before(year, month - 1) + day - 1;
    sound.then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(digits: &str, most: usize) -> Option<i64> {
    let plain = (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// Days from 1970-01-01 to the first of a month (0 to 11).
fn days_before(year: i64, month: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sun, 6 nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("Tue, 29 Feb 2000 23:59:60 GMT"), Some(951_868_800));
        assert_eq!(parse("Mon, 01 Mar 2100 00:00:00 GMT"), Some(4_107_542_400));
        assert_eq!(parse("Sunday, 01-Nov-26 00:00:00 GMT"), parse("Sun, 01 Nov 2026 00:00:00 GMT"));
    }

    #[test]
    fn each_day_is_a_day_after_the_one_before() {
        let lengths = |year: i64| {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        };
        let mut days = 0;
        for year in 1970..2405 {
            for (month, length) in (0..).zip(lengths(year)) {
                assert_eq!(days_before(year, month), days, "{year} {month}");
                days += length;
            }
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "soon",
            "-5",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "a b c d e f g h i j k",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
