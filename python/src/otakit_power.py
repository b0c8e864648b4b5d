# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a restart of the module means where there is no module."""

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

    @staticmethod
    def powerDown():
        """Ends the process too: whether it is started again is its supervisor's."""
        print("otakit: power down")
        otakit_ffi.exit_now(0)
