# SPDX-License-Identifier: MIT OR Apache-2.0
"""HaaS's `kv`: texts by their keys, kept over restarts in the file that OTAKIT_PYTHON_KV names (otakit_kv.json)."""

import json
import os


def _path():
    return os.getenv("OTAKIT_PYTHON_KV") or "otakit_kv.json"


def _load():
    try:
        with open(_path()) as file:
            values = json.loads(file.read())
    except OSError:
        return {}
    except ValueError:
        print("otakit: %s cannot be read as JSON: taken as empty" % _path())
        return {}
    return values if isinstance(values, dict) else {}


def _save(values):
    """Whole or not at all."""
    path = _path()
    try:
        with open(path + ".new", "w") as file:
            file.write(json.dumps(values))
        os.rename(path + ".new", path)
    except OSError as error:
        print("otakit: %s cannot be written: %s" % (path, error))
        return -1
    return 0


def set(key, value):
    """0, or -1."""
    values = _load()
    values[str(key)] = str(value)
    return _save(values)


def get(key):
    """The text, or None."""
    return _load().get(str(key))


def remove(key):
    """0, or -1 for a key that is not there."""
    values = _load()
    if str(key) not in values:
        return -1
    del values[str(key)]
    return _save(values)
