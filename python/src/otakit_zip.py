# SPDX-License-Identifier: MIT OR Apache-2.0
"""What `ota.upgrade` needs of CPython's zipfile, for MicroPython, which has none: archives without encryption below 4 GiB,
whose files are stored or deflated."""

import binascii
import os
import struct

import deflate

_END, _ENTRY = b"PK\x05\x06", b"PK\x01\x02"
_PIECE = 4096


class BadZipFile(Exception):
    pass


def is_zipfile(path):
    try:
        with open(path, "rb") as file:
            return _end(file) is not None
    except OSError:
        return False


def _end(file):
    """Number of entries and where they begin; None when this is no archive."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65557))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        return None
    fields = struct.unpack("<HHHHII", tail[at + 4 : at + 20])
    return fields[3], fields[5]


class ZipFile:
    def __init__(self, path):
        self._file = open(path, "rb")
        self._entries = []
        count, at = _end(self._file) or (0, 0)
        self._file.seek(at)
        for _ in range(count):
            head = self._file.read(46)
            if len(head) < 46 or head[:4] != _ENTRY:
                raise BadZipFile(path)
            flags, method = struct.unpack("<HH", head[8:12])
            crc, packed, size, name, extra, comment = struct.unpack("<IIIHHH", head[16:34])
            offset = struct.unpack("<I", head[42:46])[0]
            self._entries.append((self._file.read(name).decode(), flags, method, crc, packed, size, offset))
            self._file.read(extra + comment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def namelist(self):
        return [entry[0] for entry in self._entries]

    def _read(self, entry, take):
        """Hands the entry's bytes to `take`; whether they are whole."""
        _, flags, method, crc, packed, size, offset = entry
        self._file.seek(offset)
        head = self._file.read(30)
        if flags & 1 or method not in (0, 8) or len(head) < 30:
            raise BadZipFile(entry[0])
        self._file.seek(offset + 30 + sum(struct.unpack("<HH", head[26:30])))
        stream = self._file if method == 0 else deflate.DeflateIO(self._file, deflate.RAW, 15)
        left, actual = size, 0
        while left > 0:
            piece = stream.read(min(left, _PIECE))
            if not piece:
                break
            left -= len(piece)
            actual = binascii.crc32(piece, actual)
            take(piece)
        return left == 0 and actual == crc

    def testzip(self):
        """The name of the first entry that is damaged, or None."""
        for entry in self._entries:
            try:
                if not self._read(entry, lambda piece: None):
                    return entry[0]
            except (OSError, EOFError):
                return entry[0]
        return None

    def extractall(self, folder):
        for entry in self._entries:
            path = folder + "/" + entry[0]
            at = path.find("/", 1)
            while at > 0:
                try:
                    os.mkdir(path[:at])
                except OSError:
                    pass  # There already, or opening the file fails and says why.
                at = path.find("/", at + 1)
            if entry[0][-1:] == "/":
                continue
            with open(path, "wb") as out:
                self._read(entry, out.write)
