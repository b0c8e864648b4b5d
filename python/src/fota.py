# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `fota`: `import fota; obj = fota()`.

Off the module, some things are the host's: `fota.package` is the file that the package appears in, `fota.blocking` False
makes httpDownload return at once (as on EC600N and similar modules), `fota.on_apn` gets the APN settings, `fota.trust_key` names a
key that signatures are checked with, and `fota.signed_only` refuses packages without one.
"""

import _thread
import os
import sys

import otakit_ffi
import otakit_time
from otakit_power import Power

_DONE = (0, 2)


def _drain():
    """Ends the download that is under way, if there is one, and takes its events, so that the next one begins clean."""
    status, progress = bytearray(8), bytearray(8)
    while _C.cancel() == 0:
        _C.poll_event(status, progress, 100)
    while _C.poll_event(status, progress, 0) == 1:
        pass


class _C:
    init = otakit_ffi.function("quectel_fota_init", "")
    reset_disable = otakit_ffi.function("quectel_fota_reset_disable", "i")
    package_path = otakit_ffi.function("quectel_fota_package_path", "s")
    expect = otakit_ffi.function("quectel_fota_expect", "ss")
    expect_signature = otakit_ffi.function("quectel_fota_expect_signature", "s")
    start = otakit_ffi.function("quectel_fota_download_start", "ss")
    cancel = otakit_ffi.function("quectel_fota_download_cancel", "")
    write = otakit_ffi.function("quectel_fota_write", "pQQ")
    flush = otakit_ffi.function("quectel_fota_flush", "")
    verify = otakit_ffi.function("quectel_fota_verify", "")
    abandon = otakit_ffi.function("quectel_fota_abandon", "")
    poll_event = otakit_ffi.function("quectel_fota_poll_event", "ppi")


class Fota:
    """What `fota()` returns: one object, however often it is called."""

    def __init__(self, module):
        self._module = module
        self._stays = False
        self._ftp = None
        # The thread that follows a download, while there is one.
        self._follower = None
        # What the caller expects of the next package: "digest", "signature".
        self._stated = []

    def _begin(self, reset_disable):
        if self._ftp is not None:
            self._ftp.cancelled = True
        _C.init()
        for _ in range(1000):
            if self._follower in (None, _thread.get_ident()):
                break
            otakit_time.sleep_ms(10)
        self._stated = []
        self._stays = bool(reset_disable)
        _C.reset_disable(1 if self._stays else 0)

    def _prepare(self):
        return _C.package_path(self._module.package)

    def httpDownload(self, *, url1=None, url2=None, callback=None):
        """Fetches and verifies the package, then restarts. 0, or -1. An exception meanwhile, such as Ctrl-C, ends the
        download first."""
        if not isinstance(url1, str) or not (url2 is None or isinstance(url2, str)):
            return -1
        ftp = url1[:6].lower() == "ftp://"
        if self._follower is not None or (ftp and url2) or self._prepare() != 0:
            return -1
        self._follower = _thread.get_ident()
        follow = self._follow_ftp if ftp else self._follow
        try:
            stated, self._stated = self._stated, []
            if ftp:
                import otakit_ftp

                self._ftp = otakit_ftp.Download(url1, _C, stated)
            elif _C.start(url1, url2) != 0:
                return -1
            if self._module.blocking:
                return follow(callback)
            _thread.start_new_thread(self._follow_aside, (follow, callback))
            follow = None  # The end is that thread's.
            return 0
        except BaseException:
            _drain()
            raise
        finally:
            if follow is not None:
                self._ftp = self._follower = None

    def _follow_aside(self, follow, callback):
        self._follower = _thread.get_ident()
        try:
            follow(callback)
        finally:
            self._ftp = self._follower = None

    def _follow(self, callback):
        status, progress = bytearray(8), bytearray(8)
        while True:
            if _C.poll_event(status, progress, 100) != 1:
                continue
            sta = otakit_ffi.int64(status)
            self._tell(callback, sta, otakit_ffi.int64(progress))
            if sta != 1:
                return self._finish(sta)

    def _follow_ftp(self, callback):
        code = self._ftp.run(lambda percent: self._tell(callback, 1, percent))
        self._ftp = None
        sta = -1 if code else 0 if self._stays else 2
        self._tell(callback, sta, code if code else 100)
        return self._finish(sta)

    def _tell(self, callback, status, progress):
        if callback is not None:
            otakit_ffi.call_user(callback, [status, progress])

    def _finish(self, status):
        if status == 2:
            Power.powerRestart()
        return 0 if status in _DONE else -1

    def download_cancel(self):
        """Ends the download that another thread waits for. 0, or -1 when there is none."""
        if self._ftp is not None:
            self._ftp.cancelled = True
            return 0
        return _C.cancel()

    def apn_set(self, *, fota_apn=None, ip_type=0, fota_user=None, fota_password=None):
        """Hands the APN settings to `fota.on_apn`. 0, or -1."""
        texts = (fota_apn, fota_user, fota_password)
        if ip_type not in (0, 1) or any(not (text is None or isinstance(text, str)) for text in texts):
            return -1
        handler = self._module.on_apn
        if handler is None:
            return -1
        done = []
        otakit_ffi.call_user(lambda: done.append(handler(fota_apn, ip_type, fota_user, fota_password)))
        return 0 if done and done[0] in (None, 0) else -1

    def expect(self, hash_type, hash):
        """The digest ("md5" or "sha256") that the next package must have; what a URL says does not count then. 0, or -1."""
        return self._state("digest", hash, _C.expect(hash_type, hash))

    def expect_signature(self, signature):
        """The signature (base64) over the next package's SHA-256; see `fota.trust_key`. 0, or -1."""
        return self._state("signature", signature, _C.expect_signature(signature))

    def _state(self, what, given, result):
        if result == 0:
            self._stated = [other for other in self._stated if other != what] + ([what] if given else [])
        return result

    def write(self, *arguments):
        """write(data, file_size): the next bytes of a package. 0, or -1."""
        if len(arguments) < 2:
            return -1
        data, size = arguments[0], arguments[1]
        if not isinstance(size, int) or size <= 0 or self._follower is not None or self._prepare() != 0:
            return -1
        return _C.write(data, otakit_ffi.size(data), size)

    def flush(self):
        """Makes what was written durable. 0, or -1."""
        return _C.flush()

    def verify(self):
        """0 when the package is whole and has the digest expected, else -1. Flushes first where `flush` was not called."""
        self._stated = []
        return _C.verify()


class _Module:
    """Stands in for the module, so that it can be called."""

    def __init__(self):
        self.package = os.getenv("OTAKIT_FOTA_PACKAGE") or "fota_package.bin"
        self.blocking = True
        self.on_apn = None
        self.fota = self
        self.__name__ = "fota"
        self._object = Fota(self)
        self.trust_key = otakit_ffi.trust_key
        self.signed_only = otakit_ffi.signed_only

    def __call__(self, *, reset_disable=0):
        self._object._begin(reset_disable)
        return self._object


sys.modules["fota"] = _Module()
