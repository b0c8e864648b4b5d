// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of HTTP statuses: those of IANA's registry that a server or a proxy may answer with (RFC 9110, section 16.2).

use core::ffi::CStr;

macro_rules! statuses {
    ($($status:literal $name:literal,)*) => {
        /// The name of a status.
        pub fn name(status: u16) -> Option<&'static str> {
            match status {
                $($status => Some($name),)*
                _ => None,
            }
        }

        /// Number and name as a text for C: `HTTP status 404: Not Found`.
        pub fn sentence(status: u16) -> Option<&'static CStr> {
            let text = match status {
                $($status => concat!("HTTP status ", $status, ": ", $name, "\0"),)*
                _ => return None,
            };
            CStr::from_bytes_with_nul(text.as_bytes()).ok()
        }

        #[cfg(test)]
        const ALL: &[u16] = &[$($status),*];
    };
}

// Without 306 and 418, which the registry keeps from being used.
statuses! {
    100 "Continue",
    101 "Switching Protocols",
    102 "Processing",
    103 "Early Hints",
    104 "Upload Resumption Supported",
    200 "OK",
    201 "Created",
    202 "Accepted",
    203 "Non-Authoritative Information",
    204 "No Content",
    205 "Reset Content",
    206 "Partial Content",
    207 "Multi-Status",
    208 "Already Reported",
    226 "IM Used",
    300 "Multiple Choices",
    301 "Moved Permanently",
    302 "Found",
    303 "See Other",
    304 "Not Modified",
    305 "Use Proxy",
    307 "Temporary Redirect",
    308 "Permanent Redirect",
    400 "Bad Request",
    401 "Unauthorized",
    402 "Payment Required",
    403 "Forbidden",
    404 "Not Found",
    405 "Method Not Allowed",
    406 "Not Acceptable",
    407 "Proxy Authentication Required",
    408 "Request Timeout",
    409 "Conflict",
    410 "Gone",
    411 "Length Required",
    412 "Precondition Failed",
    413 "Content Too Large",
    414 "URI Too Long",
    415 "Unsupported Media Type",
    416 "Range Not Satisfiable",
    417 "Expectation Failed",
    421 "Misdirected Request",
    422 "Unprocessable Content",
    423 "Locked",
    424 "Failed Dependency",
    425 "Too Early",
    426 "Upgrade Required",
    428 "Precondition Required",
    429 "Too Many Requests",
    431 "Request Header Fields Too Large",
    451 "Unavailable For Legal Reasons",
    500 "Internal Server Error",
    501 "Not Implemented",
    502 "Bad Gateway",
    503 "Service Unavailable",
    504 "Gateway Timeout",
    505 "HTTP Version Not Supported",
    506 "Variant Also Negotiates",
    507 "Insufficient Storage",
    508 "Loop Detected",
    510 "Not Extended",
    511 "Network Authentication Required",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_name_of_its_own() {
        assert!(ALL.is_sorted());
        let names: std::collections::HashSet<_> = ALL.iter().filter_map(|status| name(*status)).collect();
        assert_eq!(names.len(), ALL.len());
        // The registry's classes: how many of each a peer may send.
        let of = |class: u16| ALL.iter().filter(|status| **status / 100 == class).count();
        assert_eq!([of(1), of(2), of(3), of(4), of(5)], [5, 10, 8, 28, 11]);
    }

    #[test]
    fn a_sentence_has_the_number_and_the_name() {
        for status in 0..1000 {
            let wanted = name(status).map(|name| std::format!("HTTP status {status}: {name}"));
            assert_eq!(sentence(status).map(|text| text.to_str().unwrap().into()), wanted);
        }
        assert_eq!(sentence(407), Some(c"HTTP status 407: Proxy Authentication Required"));
        assert_eq!(name(599), None);
    }
}
