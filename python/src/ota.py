# SPDX-License-Identifier: MIT OR Apache-2.0
"""HaaS's `ota`: updates of a device's modules.

Firmware (module "default") is the host's off the device: with `ota.system_path` set before init it is fetched to that file
and verified, and `ota.on(ota.ON_SYSTEM, callback)` hears of it: a dict as for on(1, ...) with "result" 0 or a negative code.
`ota.trust_key` names a key that signatures of offers are checked with; `ota.signed_only` refuses those without one.
"""

import os
import _thread

import otakit_ffi
import otakit_haas

ON_TRIGGER = 1
ON_DOWNLOAD = 2
ON_VERIFY = 3
ON_UPGRADE = 4
ON_SYSTEM = 5
_EVENTS = {101: ON_TRIGGER, 102: ON_DOWNLOAD, 103: ON_VERIFY, 105: ON_SYSTEM}

system_path = None
trust_key = otakit_ffi.trust_key
signed_only = otakit_ffi.signed_only

_init = otakit_ffi.function("haas_ota_init", "q")
_system_path = otakit_ffi.function("haas_ota_system_path", "qs")
_report = otakit_ffi.function("haas_ota_report", "qssss")
_progress = otakit_ffi.function("haas_ota_progress", "qsis")
_download = otakit_ffi.function("haas_ota_download", "ss")
_verify = otakit_ffi.function("haas_ota_verify", "qsss")
_callbacks = {}


def init(data):
    """{"device_handle"}: begins to listen for updates. 0, or -1."""
    if not isinstance(data, dict):
        return -1
    if _system_path(data["device_handle"], system_path) != 0:
        return -1
    return _init(data["device_handle"])


def on(id, callback):
    """Sets what is called: 1 trigger, 2 download, 3 verify, 4 upgrade, 5 system. 0, or -1 for another id."""
    if id not in (ON_TRIGGER, ON_DOWNLOAD, ON_VERIFY, ON_UPGRADE, ON_SYSTEM):
        return -1
    _callbacks[id] = callback
    return 0


def report(info):
    """Reports a module's version. 0, or -1."""
    if not isinstance(info, dict):
        return -1
    names = [info[key] for key in ("product_key", "device_name", "module_name", "version")]
    return _report(info["device_handle"], *names)


def progress(device_handle, module_name, step, desc=""):
    """Reports a module's progress: 0..100, or a failure -1..-4. 0, or -1."""
    return _progress(device_handle, module_name, step, desc)


def download(data):
    """{"url", "store_path"}: fetches a file; on(2) tells how it went. 0, or -1."""
    return _download(data["url"], data["store_path"]) if isinstance(data, dict) else -1


def verify(data):
    """{"length", "store_path", "hash_type", "hash"}: checks a file; on(3) tells how it went. 0, or -1."""
    if not isinstance(data, dict):
        return -1
    return _verify(int(data["length"]), data["store_path"], data["hash_type"], data["hash"])


def upgrade(data):
    """{"length", "store_path", "install_path"}: unpacks a zip archive; on(4) tells how it went. 0, or -1."""
    if not isinstance(data, dict):
        return -1
    arguments = (int(data["length"]), data["store_path"], data["install_path"])
    _thread.start_new_thread(_upgrade, arguments)
    return 0


def _upgrade(length, store_path, install_path):
    try:
        result = _unpack(length, store_path, install_path)
    except Exception:
        result = -14
    _call(ON_UPGRADE, result)


def _unpack(length, store_path, install_path):
    """0, or the code of AliOS Things. Nothing is unpacked unless every name stays below the folder."""
    try:
        import zipfile
    except ImportError:  # MicroPython
        import otakit_zip as zipfile
    about = os.stat(store_path)
    if about[0] & 0xF000 != 0x8000:  # not a file: a pipe would be waited for
        return -17
    if about[6] != length:
        return -13
    if not zipfile.is_zipfile(store_path):
        return -13
    with zipfile.ZipFile(store_path) as archive:
        for name in archive.namelist():
            parts = name.replace("\\", "/").split("/")
            if parts[0] == "" or ".." in parts or ":" in parts[0]:
                return -25
        if archive.testzip() is not None:
            return -13
        archive.extractall(install_path)
    return 0


def _call(id, data):
    callback = _callbacks.get(id)
    if callback is not None:
        otakit_ffi.call_user(callback, data)


def _event(device, kind, value, data):
    id = _EVENTS.get(kind)
    if id == ON_SYSTEM:
        data = dict(data or {})
        data["result"] = value
    if id is not None:
        _call(id, data if id in (ON_TRIGGER, ON_SYSTEM) else value)


otakit_haas.listen(_event)
