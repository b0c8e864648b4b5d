# SPDX-License-Identifier: MIT OR Apache-2.0
"""The fault server's case names, in one place: what the tests call a fault, and what `otakit-cloud faults` calls it."""

# Every value is a path element of the fault server: /{value}/{size}?k={token}
CASES = {
    # well-behaved variants
    "ok": "ok",
    "chunked": "chunked",
    "lower_case_headers": "lower-case-headers",
    "length_without_space": "length-no-space",
    "other_length_header_first": "x-content-length",
    "no_length_close": "close-delimited",
    "http10": "http10",
    "byte_by_byte_headers": "header-byte-by-byte",
    "padded_headers_900": "header-pad-900",
    "padded_headers_2000": "header-pad-2000",
    # status codes
    "404_body": "404",
    "404_same_length": "404-same-length",
    "404_no_length": "404-no-length",
    "403": "403",
    "410": "410",
    "500_always": "500",
    "500_once": "500-once",
    "503_once": "503-once",
    "429_once": "429-once",
    "408_once": "408-once",
    "204": "204",
    # redirects
    "302_empty": "302-no-location",
    "302_body": "302-body-no-location",
    "redirect": "redirect",
    "redirect_loop": "redirect-loop",
    # lengths that lie
    "length_zero": "length-0",
    "length_word": "length-abc",
    "length_negative": "length-negative",
    "length_3e9": "length-3e9",
    "length_5e9": "length-5e9",
    "length_short": "length-short",
    "length_twice": "length-twice",
    # broken transfers; *_once breaks the first request only, and ranges are honoured after it
    "close_at_once": "close-before-header",
    "close_once": "close-before-header-once",
    "garbage": "garbage",
    "drop_once": "drop-once",
    "drop_always": "drop-always",
    "reset_once": "reset-once",
    "drop_ignores_range": "drop-no-range",
    "drop_wrong_range": "drop-wrong-range",
    "drop_changed": "drop-etag-changed",
    "extra_bytes": "extra-bytes",
    "flipped_bit": "flip",
    "slow_header": "slow-header",
    "stall_mid": "stall-mid",
    "stall_forever": "stall-forever",
    "drip": "drip",
    "gzip": "gzip",
}
