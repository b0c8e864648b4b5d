# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `app_fota`: files fetched beside their place, put there together by the updater.

`app_fota.root` is put before every path; off the module it is what stands for the module's file system.
"""

import hashlib
import json
import os

import otakit_ffi

root = os.getenv("OTAKIT_APP_ROOT") or ""
_AREA = "/usr/.updater"
_start = otakit_ffi.function("quectel_fota_fetch_start", "ssssp")
_wait = otakit_ffi.function("quectel_fota_fetch_wait", "qi")
_cancel = otakit_ffi.function("quectel_fota_fetch_cancel", "q")
_FETCHING = 1


def _fetch(url, path, hash_type, hash):
    """Fetches one file. 0, or another number. An exception meanwhile, such as Ctrl-C, ends the download first."""
    handle = bytearray(8)
    try:
        if _start(url, path, hash_type, hash, handle) != 0:
            return -1
        while True:
            code = _wait(otakit_ffi.int64(handle), 100)
            if code != _FETCHING:
                return code
    except BaseException:
        _cancel(otakit_ffi.int64(handle))
        while _wait(otakit_ffi.int64(handle), 100) == _FETCHING:
            pass
        raise


def _path(name):
    return root + name


def _stat():
    return _path(_AREA + "/download.stat")


def _flag():
    return _path(_AREA + "/update.flag")


def _is_target(name):
    """An absolute path below /usr that cannot leave it."""
    parts = name.split("/") if isinstance(name, str) else []
    good = len(parts) > 2 and parts[0] == "" and parts[1] == "usr" and "\0" not in name
    return good and all(part not in ("", ".", "..") for part in parts[1:]) and parts[2] != ".updater"


def _size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        return None


def _sha256(path):
    state = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            piece = file.read(8192)
            if not piece:
                return "".join("%02x" % byte for byte in state.digest())
            state.update(piece)


def _make_folders(path):
    at = 1
    while True:
        at = path.find("/", at)
        if at < 0:
            return
        try:
            os.mkdir(path[:at])
        except OSError:
            pass  # There already, or the file's opening fails and says why.
        at += 1


def _replace(path, data):
    """Writes a file whole or not at all."""
    _make_folders(path)
    with open(path + ".new", "wb") as file:
        file.write(data)
        file.flush()
        if hasattr(os, "fsync"):
            os.fsync(file.fileno())
    os.rename(path + ".new", path)


def _load():
    try:
        with open(_stat()) as file:
            items = json.loads(file.read())
        return [item for item in items if _is_target(item["name"])]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _save(items):
    _replace(_stat(), json.dumps(items).encode())


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


def _stored(item):
    """Whether the downloaded file is there as it came."""
    path = _path(_AREA + item["name"])
    return _size(path) == item.get("total_size") and _sha256(path) == item.get("sha256")


def add_stored(url, file_name, total_size):
    """Takes a file that lies in the download area already into the next update. 0, or -1 when it is not there with so many
    bytes."""
    if not _is_target(file_name) or _size(_path(_AREA + file_name)) != total_size:
        return -1
    item = {"url": url, "name": file_name, "total_size": total_size, "sha256": _sha256(_path(_AREA + file_name))}
    items = [other for other in _load() if other["name"].lower() != file_name.lower()]
    try:
        _save(items + [item])
    except OSError:
        return -1
    return 0


class new:
    """One updater; all share the download area."""

    def download(self, url, file_name, hash_type=None, hash=None):
        """Fetches one file. 0, or -1."""
        if not _is_target(file_name) or not isinstance(url, str):
            return -1
        items = _load()
        known = [item for item in items if item["name"].lower() == file_name.lower()]
        for item in known:
            same = (item.get("url"), item.get("hash")) == (url, hash)
            if same and _stored(item):
                return 0
        path = _path(_AREA + file_name)
        _make_folders(path)
        if _fetch(url, path, hash_type, hash) != 0:
            return -1
        item = {"url": url, "name": file_name, "total_size": _size(path), "sha256": _sha256(path)}
        if hash:
            item["hash"] = hash
        try:
            _save([other for other in items if other not in known] + [item])
        except OSError:
            return -1
        return 0

    def bulk_download(self, info=()):
        """Fetches each {"url", "file_name"}, perhaps with "hash_type" and "hash". The items that failed, or None."""
        failed = []
        for item in info:
            try:
                result = self.download(
                    item["url"], item["file_name"], item.get("hash_type"), item.get("hash")
                )
            except (KeyError, OSError):
                result = -1
            if result != 0:
                failed.append(item)
        return failed or None

    def set_update_flag(self):
        """Lets the updater run at the next start."""
        _replace(_flag(), b"")

    def update(self):
        """Runs the updater now."""
        run_updater()


def run_updater():
    """Puts the files downloaded in their places, if the flag is set: none of them unless all are as they came. An
    interruption in between is made up for by the next call. 0, or -1."""
    items = _load()
    if _size(_flag()) is None or not items:
        return -1
    try:
        if not all(_stored(item) for item in items):
            return -1
        for item in items:
            with open(_path(_AREA + item["name"]), "rb") as file:
                _replace(_path(item["name"]), file.read())
        _remove(_flag())
        for item in items:
            _remove(_path(_AREA + item["name"]))
        _remove(_stat())
    except OSError:
        return -1
    return 0
