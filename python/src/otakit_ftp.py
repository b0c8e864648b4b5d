# SPDX-License-Identifier: MIT OR Apache-2.0
"""Packages over FTP, for `fota`: Python's ftplib fetches (MicroPython: otakit_ftplib), the library stores and verifies."""

import socket

import otakit_time

try:
    import ftplib
except ImportError:
    import otakit_ftplib as ftplib

# Seconds: for connecting and for each answer; and of a silence within the data. Milliseconds between two looks at a cancel.
TIMEOUT = 10
STALL = 30
ATTEMPTS = 5
_SLICE = 100

_DOMAIN_NOT_EXIST, _DOMAIN_TIMEOUT, _DOMAIN_UNKNOWN, _SERVER_CONN_FAIL, _AUTH_FAILED = 1001, 1002, 1003, 1004, 1005
_FILE_NOT_EXIST, _FILE_SIZE_INVALID, _FILE_GET_ERR, _FILE_CHECK_ERR, _INTERNAL_ERR = 1006, 1007, 1008, 1009, 1010
_NOT_INPROGRESS, _NO_MEMORY = 1011, 1012
_GAI = getattr(socket, "gaierror", None)
_ETIMEDOUT, _EAGAIN, _EINPROGRESS = 110, 11, 115


class _Failed(Exception):
    """A failure that trying again does not help; its argument is the code."""


class _Stalled(Exception):
    """Silence."""


def _is_timeout(error):
    if isinstance(error, _Stalled):
        return True
    number = error.args[0] if isinstance(error, OSError) and error.args else None
    return number in (_ETIMEDOUT, _EAGAIN, _EINPROGRESS, "timed out")


def _is_unnamed(error):
    """Whether a name was not resolved: CPython has an exception for it, MicroPython a text."""
    if _GAI is not None:
        return isinstance(error, _GAI)
    return isinstance(error, OSError) and bool(error.args) and "addrinfo" in str(error.args[0])


def _unquote(text):
    parts = text.encode().split(b"%")
    return b"".join([parts[0]] + [bytes([int(part[:2], 16)]) + part[2:] for part in parts[1:]]).decode()


def parse(url):
    """(user, password, host, port, path, fragment's {key: value}); ValueError for anything else."""
    rest, _, fragment = url[len("ftp://") :].partition("#")
    place, slash, path = rest.partition("/")
    login, at, place = place.rpartition("@")
    user, _, password = login.partition(":")
    host, port = place, "21"
    if place[:1] == "[":
        host, _, port = place[1:].partition("]")
        port = port[1:] or "21"
    elif ":" in place:
        host, _, port = place.partition(":")
    path = _unquote(path)
    promises = dict([tuple(part.split("=", 1)) for part in fragment.split("&") if "=" in part])
    if not host or not path or not 0 < int(port) < 65536 or any(c < " " for c in user + password + path + host):
        raise ValueError(url)
    user, password = _unquote(user) or "anonymous", _unquote(password)
    if any(c < " " for c in user + password):
        raise ValueError(url)
    return user, password, host, int(port), path, promises


class Download:
    """One download; `cancelled` may be set from another thread. `stated` is what the caller expects of the package already:
    "digest", "signature"; the URL's own words on these do not count then."""

    def __init__(self, url, library, stated=()):
        self.url = url
        self.library = library
        self.stated = tuple(stated)
        self.cancelled = False
        self.done = 0
        self.size = None
        self.told = None

    def run(self, progress):
        """Fetches and verifies. 0, or one of the documented codes. Nothing stays of a download that fails, nor of one that
        an exception ends, such as Ctrl-C."""
        code = _NOT_INPROGRESS
        try:
            code = self._run(progress)
        finally:
            if code != 0:
                self.library.abandon()
        return code

    def _promised(self, promises):
        """Whether what the URL says of the package can be read. Of two digests the stronger one counts."""
        for kind in ("md5", "sha256"):
            if kind in promises and "digest" not in self.stated and self.library.expect(kind, promises[kind]) != 0:
                return False
        if "signature" in promises and "signature" not in self.stated:
            return self.library.expect_signature(promises["signature"]) == 0
        return True

    def _run(self, progress):
        try:
            target = parse(self.url)
        except ValueError:
            return _DOMAIN_UNKNOWN
        if not self._promised(target[-1]):
            return _FILE_CHECK_ERR
        left = ATTEMPTS
        while True:
            before = self.done
            try:
                self._attempt(target, progress)
                break
            except _Failed as failed:
                return failed.args[0]
            except ftplib.error_perm as error:
                return {"530": _AUTH_FAILED, "550": _FILE_NOT_EXIST}.get(str(error)[:3], _FILE_GET_ERR)
            except (ftplib.Error, OSError, EOFError, ValueError, IndexError, _Stalled) as error:
                left = ATTEMPTS if self.done > before else left - 1
                if left == 0:
                    return self._code(error)
                self._pause(500)
        if self.library.flush() != 0:
            return _INTERNAL_ERR
        return 0 if self.library.verify() == 0 else _FILE_CHECK_ERR

    def _code(self, error):
        if _is_unnamed(error):
            return _DOMAIN_NOT_EXIST
        if _is_timeout(error):
            return _DOMAIN_TIMEOUT
        return _SERVER_CONN_FAIL if self.size is None else _FILE_GET_ERR

    def _pause(self, milliseconds):
        end = otakit_time.ticks_add(otakit_time.ticks_ms(), milliseconds)
        while otakit_time.ticks_diff(end, otakit_time.ticks_ms()) > 0 and not self.cancelled:
            otakit_time.sleep_ms(_SLICE)

    def _attempt(self, target, progress):
        user, password, host, port, path, _ = target
        self._check()
        with ftplib.FTP(timeout=TIMEOUT) as ftp:
            ftp.connect(host, port)
            ftp.login(user, password)
            ftp.voidcmd("TYPE I")
            size = ftp.size(path)
            if not size or self.size not in (None, size):
                raise _Failed(_FILE_SIZE_INVALID)
            self.size = size
            with ftp.transfercmd("RETR " + path, self.done or None) as data:
                data.settimeout(_SLICE / 1000)
                self._receive(data, progress)

    def _receive(self, data, progress):
        heard = otakit_time.ticks_ms()
        while self.done < self.size:
            self._check()
            try:
                piece = data.recv(8192)
            except OSError as error:
                if not _is_timeout(error):
                    raise
                if otakit_time.ticks_diff(otakit_time.ticks_ms(), heard) > STALL * 1000:
                    raise _Stalled
                continue
            if not piece:
                raise EOFError
            heard = otakit_time.ticks_ms()
            if self.done + len(piece) > self.size:
                raise _Failed(_FILE_SIZE_INVALID)
            if self.library.write(piece, len(piece), self.size) != 0:
                raise _Failed(_NO_MEMORY)
            self.done += len(piece)
            percent = min(self.done * 100 // self.size, 99)
            if percent != self.told:
                self.told = percent
                progress(percent)

    def _check(self):
        if self.cancelled:
            raise _Failed(_NOT_INPROGRESS)
