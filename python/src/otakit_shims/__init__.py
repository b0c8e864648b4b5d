# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modules that scripts for HaaS's and QuecPython's modules import beside the updates: `utime`, `log`, `network`, ...

`import otakit_shims` makes them importable, behind everything else that is: a module of the program's own, or of the
interpreter, wins. `python -m otakit_run SCRIPT.py` does it for a script.
"""

import sys

folder = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
if folder not in sys.path:
    sys.path.append(folder)
