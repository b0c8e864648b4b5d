# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `ql_fs`."""

import json
import os


def path_exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def path_dirname(path):
    head = path.rsplit("/", 1)[0] if "/" in path else ""
    return head or ("/" if path[:1] == "/" else "")


def path_getsize(path):
    return os.stat(path)[6]


def mkdirs(path):
    at = 0
    while at >= 0:
        at = path.find("/", at + 1)
        folder = path if at < 0 else path[:at]
        if folder and not path_exists(folder):
            os.mkdir(folder)


def rmdirs(path):
    for name in os.listdir(path):
        inner = path + "/" + name
        if os.stat(inner)[0] & 0x4000:
            rmdirs(inner)
        else:
            os.remove(inner)
    os.rmdir(path)


def file_copy(destination, source):
    with open(source, "rb") as old, open(destination, "wb") as new:
        while True:
            piece = old.read(4096)
            if not piece:
                return True
            new.write(piece)


def touch(file, data):
    """Writes a dict into a file, or changes the keys that are there already."""
    values = read_json(file) or {}
    values.update(data)
    with open(file, "w") as out:
        out.write(json.dumps(values))
    return True


def read_json(file):
    """What a file holds as JSON, or None."""
    try:
        with open(file) as text:
            return json.loads(text.read())
    except (OSError, ValueError):
        return None
