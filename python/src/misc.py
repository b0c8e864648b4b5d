# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `misc`, as far as updates need it."""

import otakit_ffi


class Power:
    """Off the module a restart ends the process, at once and from any thread, for its supervisor to start it again.

    `Power.on_restart`, when set, is called instead.
    """

    on_restart = None

    @staticmethod
    def powerRestart():
        if Power.on_restart is not None:
            Power.on_restart()
            return
        print("otakit: restart")
        otakit_ffi.exit_now(0)
