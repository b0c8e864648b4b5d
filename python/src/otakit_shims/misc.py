# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `misc`, as far as updates need it."""

from otakit_power import Power  # noqa: F401
