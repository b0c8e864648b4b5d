# SPDX-License-Identifier: MIT OR Apache-2.0
"""HaaS's and QuecPython's C programs in a build with address and undefined-behaviour sanitizers (--asan-build)."""

import test_c_programs
from test_asan import OPTIONS


class ProgramsSanitizers(test_c_programs.Plain):
    ENV, BUILD = OPTIONS, "asan_build"
