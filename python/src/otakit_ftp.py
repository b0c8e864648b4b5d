# SPDX-License-Identifier: MIT OR Apache-2.0
"""Packages over FTP, for `fota`: Python's ftplib fetches, the library stores and verifies."""

import time

try:
    import ftplib
    from urllib.parse import unquote, urlsplit
except ImportError:  # MicroPython has no ftplib.
    ftplib = None

_TIMEOUT = 10
_STALL = 30
_ATTEMPTS = 5
_SLICE = 0.1


class _Failed(Exception):
    """A failure that trying again does not help; its argument is the code."""


class Download:
    """One download; `cancelled` may be set from another thread."""

    def __init__(self, url, library):
        self.url = url
        self.library = library
        self.cancelled = False
        self.done = 0
        self.size = None
        self.told = None

    def run(self, progress):
        """Fetches and verifies. 0, or one of the documented codes."""
        if ftplib is None:
            return 1003
        try:
            url = urlsplit(self.url)
            target = (url.hostname, url.port or 21)
        except ValueError:
            return 1003
        if not target[0] or len(url.path) < 2 or "\r" in unquote(url.path) or "\n" in unquote(url.path):
            return 1003
        digest = url.fragment.split("=", 1) if "=" in url.fragment else (None, None)
        if digest[0] in ("md5", "sha256") and self.library.expect(digest[0], digest[1]) != 0:
            return 1009
        left = _ATTEMPTS
        while True:
            before = self.done
            try:
                self._attempt(url, target, progress)
                break
            except _Failed as failed:
                return failed.args[0]
            except ftplib.error_perm as error:
                return 1005 if str(error)[:3] == "530" else 1006 if str(error)[:3] == "550" else 1008
            except (ftplib.Error, OSError, EOFError):
                left = _ATTEMPTS if self.done > before else left - 1
                if left == 0:
                    return 1004 if self.size is None else 1008
                self._pause(0.5)
        if self.library.flush() != 0:
            return 1010
        return 0 if self.library.verify() == 0 else 1009

    def _pause(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.cancelled:
            time.sleep(_SLICE)

    def _attempt(self, url, target, progress):
        self._check()
        with ftplib.FTP(timeout=_TIMEOUT) as ftp:
            ftp.connect(*target)
            ftp.login(unquote(url.username or "anonymous"), unquote(url.password or ""))
            ftp.voidcmd("TYPE I")
            path = unquote(url.path)[1:]
            size = ftp.size(path)
            if not size or self.size not in (None, size):
                raise _Failed(1007)
            self.size = size
            with ftp.transfercmd("RETR " + path, rest=self.done or None) as data:
                data.settimeout(_SLICE)
                self._receive(data, progress)

    def _receive(self, data, progress):
        heard = time.monotonic()
        while self.done < self.size:
            self._check()
            try:
                piece = data.recv(8192)
            except TimeoutError:
                if time.monotonic() - heard > _STALL:
                    raise
                continue
            if not piece:
                raise EOFError
            heard = time.monotonic()
            if self.library.write(piece, len(piece), self.size) != 0:
                raise _Failed(1012)
            self.done += len(piece)
            percent = min(self.done * 100 // self.size, 99)
            if percent != self.told:
                self.told = percent
                progress(percent)

    def _check(self):
        if self.cancelled:
            raise _Failed(1011)
