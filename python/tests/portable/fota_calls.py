# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every function, parameter and code of `fota`:  fota_calls.py HTTP FTP FOLDER SIGNATURES
HTTP and FTP are http_server.py's and ftp_server.py's, each with /fota.bin, /two.bin and /empty."""

import _thread
import array
import hashlib
import sys

import utime

import fota
import otakit_ffi
import otakit_ftp
from check import equal, exists, image, raises, read, run
from misc import Power

HTTP, FTP, FOLDER, SIGNATURES = sys.argv[1:5]
PACKAGE = FOLDER + "/package.bin"
IMAGE = image()
TWO = IMAGE[:999]


def digest(data, kind=hashlib.sha256):
    return "".join(["%02x" % byte for byte in kind(data).digest()])


SHA256, BAD = digest(IMAGE), "0" * 64
option = otakit_ffi.function("otakit_set_option", "ii")
max_size = otakit_ffi.function("otakit_policy_max_size", "Q")
https_only = otakit_ffi.function("otakit_policy_https_only", "i")
events, restarts = [], []


def remove(path):
    import os

    try:
        os.remove(path)
    except OSError:
        pass


def fresh(**arguments):
    """The object as after a start of the module."""
    for path in (PACKAGE, PACKAGE + ".2"):
        remove(path)
    fota.package, fota.blocking, fota.on_apn = PACKAGE, True, None
    Power.on_restart = lambda: restarts.append(exists(PACKAGE))
    events.clear()
    restarts.clear()
    return fota(**arguments)


def download(obj=None, **arguments):
    return (obj or fresh()).httpDownload(callback=events.append, **arguments)


def ftp(path="/fota.bin", login="user:password"):
    return FTP.replace("user:password", login) + path


def test_singleton_and_arguments():
    obj = fota()
    assert obj is fota(reset_disable=1)
    from fota import fota as same

    assert same() is obj
    raises(TypeError, obj.httpDownload, "http://h/")
    raises(TypeError, fota, 1)
    equal([obj.httpDownload(), obj.httpDownload(url1=7), obj.httpDownload(url1="", url2=7)], [-1] * 3)


def test_url1_http_and_callback():
    equal(download(url1=HTTP + "/fota.bin"), 0)
    equal((events[-1], restarts, read(PACKAGE) == IMAGE), ([2, 100], [True], True))
    assert all([type(event) is list and event[0] == 1 for event in events[:-1]])
    percents = [percent for _, percent in events]
    equal(percents, sorted(percents))
    equal((fresh().httpDownload(url1=HTTP + "/fota.bin"), events), (0, []))


def test_url1_ftp():
    equal(download(url1=ftp()), 0)
    equal((events[-1], restarts, read(PACKAGE) == IMAGE), ([2, 100], [True], True))
    equal(download(url1=ftp(login="a%40b%3Ac:p%2F%25w")), 0)
    equal(download(url1=ftp(), url2=HTTP + "/two.bin"), -1)


def test_reset_disable():
    for url in (HTTP + "/fota.bin", ftp()):
        equal(download(fresh(reset_disable=1), url1=url), 0)
        equal((events[-1], restarts), ([0, 100], []))
        equal((download(fresh(reset_disable=0), url1=url), restarts), (0, [True]))


def test_url2_mini_fota():
    equal(download(url1=HTTP + "/fota.bin", url2=HTTP + "/two.bin"), 0)
    equal((read(PACKAGE) == IMAGE, read(PACKAGE + ".2") == TWO, events[-1]), (True, True, [2, 100]))
    equal(download(url1=HTTP + "/fota.bin", url2=HTTP + "/two.bin#sha256=" + BAD), -1)
    equal((events[-1], restarts, exists(PACKAGE), exists(PACKAGE + ".2")), ([-1, 1009], [], False, False))
    equal(download(url1=HTTP + "/fota.bin", url2=HTTP + "/absent"), -1)
    equal((events[-1], restarts, exists(PACKAGE)), ([-1, 1006], [], False))


def test_goes_on_where_it_broke():
    for url in ("/fota.bin?cut=70000&1", "/fota.bin?cut=70000&noranges&2", "/fota.bin?cut=1&3"):
        equal(download(url1=HTTP + url), 0)
        equal(read(PACKAGE) == IMAGE, True)
    equal(download(url1=ftp("/cut-50000-fota.bin")), 0)
    equal(read(PACKAGE) == IMAGE, True)


def test_redirect():
    equal(download(url1=HTTP + "/moved?to=/fota.bin"), 0)
    equal(read(PACKAGE) == IMAGE, True)


def fails(code, url, obj=None):
    equal(download(obj, url1=url), -1, url)
    equal((events[-1], restarts, exists(PACKAGE)), ([-1, code], [], False), url)


def test_code_1001():
    fails(1001, "http://no-such-host.invalid/fota.bin")
    fails(1001, "ftp://no-such-host.invalid/fota.bin")


def test_code_1002():
    option(4, 300)  # The answer's limit, in ms.
    fails(1002, HTTP + "/fota.bin?silent")
    option(4, 30000)
    stall, otakit_ftp.STALL = otakit_ftp.STALL, 0.3
    attempts, otakit_ftp.ATTEMPTS = otakit_ftp.ATTEMPTS, 1
    fails(1002, ftp("/silent-fota.bin"))
    otakit_ftp.STALL, otakit_ftp.ATTEMPTS = stall, attempts


def test_code_1003():
    for url in ("gopher://h/", "http://", "ftp://h", "ftp://h/", "ftp://h:x/p", "ftp://u:p@/p", "ftp://h/%0d%0aDELE"):
        fails(1003, url)


def test_code_1004():
    fails(1004, "http://127.0.0.1:1/")
    fails(1004, "ftp://127.0.0.1:1/p")


def test_code_1005():
    fails(1005, HTTP + "/fota.bin?status=401")
    fails(1005, HTTP + "/fota.bin?status=403")
    fails(1005, ftp(login="user:wrong"))


def test_code_1006():
    fails(1006, HTTP + "/absent")
    fails(1006, ftp("/absent"))


def test_code_1007():
    fails(1007, HTTP + "/empty")
    fails(1007, HTTP + "/fota.bin?nolength")
    fails(1007, ftp("/empty"))
    fails(1007, ftp("/long-fota.bin"))


def test_code_1008():
    fails(1008, HTTP + "/fota.bin?status=418")
    option(0, 2)  # Attempts without a new byte.
    fails(1008, HTTP + "/fota.bin?short=1000")
    option(0, 12)
    fails(1008, ftp("/half-fota.bin"))


def test_code_1009():
    for url in (HTTP + "/fota.bin", ftp()):
        fails(1009, url + "#sha256=" + BAD)
        fails(1009, url + "#md5=" + BAD[:32])
        fails(1009, url + "#md5=7")


def test_code_1010():
    obj = fresh()
    fota.package = FOLDER + "/nowhere/package.bin"
    fails(1010, HTTP + "/fota.bin", obj)


def test_code_1013_and_1014():
    max_size(len(IMAGE) - 1)
    fails(1013, HTTP + "/fota.bin")
    max_size(0)
    https_only(1)
    fails(1014, HTTP + "/fota.bin")
    https_only(0)


def test_digest():
    for url in (HTTP + "/fota.bin", ftp()):
        equal(download(url1=url + "#sha256=" + SHA256), 0)
        equal(download(url1=url + "#md5=" + digest(IMAGE, hashlib.md5).upper()), 0)
    obj = fresh(reset_disable=1)
    equal((obj.expect("md5", BAD[:32]), obj.httpDownload(url1=HTTP + "/fota.bin")), (0, -1))
    equal([obj.expect("md5", "0"), obj.expect("crc", "0"), obj.expect(None, None)], [-1, -1, 0])


def test_what_the_caller_expects_counts_before_the_url():
    """For http and ftp alike; of two digests of one URL the stronger one counts."""
    md5 = digest(IMAGE, hashlib.md5)
    for url in (HTTP + "/fota.bin", ftp()):
        for kind, right in (("sha256", SHA256), ("md5", md5)):
            obj = fresh()
            equal((obj.expect(kind, right), download(obj, url1=url + "#sha256=" + BAD)), (0, 0))
            obj = fresh()
            equal(obj.expect(kind, BAD[: len(right)]), 0)
            fails(1009, url + "#sha256=" + SHA256, obj)
            # It was for that package alone.
            equal(download(obj, url1=url), 0)
            remove(PACKAGE)
            equal((obj.expect(kind, BAD[: len(right)]), obj.expect(None, None), download(obj, url1=url)), (0, 0, 0))
        for one, two in (("sha256=" + SHA256, "md5=" + BAD[:32]), ("md5=" + BAD[:32], "sha256=" + SHA256)):
            equal(download(url1=url + "#" + one + "&" + two), 0)
        for one, two in (("sha256=" + BAD, "md5=" + md5), ("md5=" + md5, "sha256=" + BAD)):
            fails(1009, url + "#" + one + "&" + two)


def test_nothing_stays_of_a_download_that_fails():
    """The next package is written from its first byte, and nothing is expected of it."""
    for url in (HTTP + "/absent", ftp("/absent"), ftp("/half-fota.bin"), ftp("/long-fota.bin")):
        obj = fresh()
        equal((obj.expect("md5", BAD[:32]), download(obj, url1=url)), (0, -1))
        equal((obj.write(TWO, len(TWO)), obj.verify(), read(PACKAGE) == TWO), (0, 0, True), url)
        equal((obj.write(IMAGE, len(IMAGE)), obj.verify(), read(PACKAGE) == IMAGE), (0, 0, True), url)


def test_no_verdict_without_a_promise():
    """A download that nothing was promised of is no failure, and nothing is printed of one: see test_portable."""
    equal((download(url1=HTTP + "/fota.bin"), events[-1]), (0, [2, 100]))


def test_signature():
    image = read(SIGNATURES + "/image.bin")
    for kind in ("ed", "ec", "rsa2048"):
        signature = read(SIGNATURES + "/" + kind + ".sig.b64").decode().replace("\n", "")
        equal(fota.trust_key(read(SIGNATURES + "/" + kind + ".pem").decode()), 0)
        for url in (HTTP + "/signed.bin", ftp("/signed.bin")):
            equal(download(url1=url + "#signature=" + signature), 0, kind)
            equal(download(url1=url + "#sha256=" + digest(image) + "&signature=" + signature), 0, kind)
            fails(1009, url.replace("signed", "fota") + "#signature=" + signature)
        obj = fresh()
        for data, verified in ((image, 0), (image[:-1] + b"\xff", -1)):
            equal((obj.expect_signature(signature), obj.write(data, len(data)), obj.flush()), (0, 0, 0))
            equal(obj.verify(), verified)
        fota.signed_only(True)
        equal((obj.write(image, len(image)), obj.flush(), obj.verify()), (0, 0, -1))
        equal(download(url1=HTTP + "/signed.bin"), -1)
        fota.signed_only(False)
        equal(fota.trust_key(None), 0)
    equal((fota.trust_key("none"), fresh().expect_signature("?")), (-1, -1))


def cancel_soon(results):
    utime.sleep_ms(300)
    results.append(fota._object.download_cancel())


def test_download_cancel():
    equal(fresh().download_cancel(), -1)
    for url in (HTTP + "/fota.bin?slow", ftp("/slow-fota.bin")):
        results = []
        _thread.start_new_thread(cancel_soon, (results,))
        began = utime.ticks_ms()
        fails(1011, url)
        assert utime.ticks_diff(utime.ticks_ms(), began) < 2000, "undisturbed it takes 2.5 s"
        utime.sleep_ms(100)
        equal(results, [0])


def wait_for(condition):
    for _ in range(1000):
        if condition():
            return
        utime.sleep_ms(20)
    raise AssertionError("it never came")


def test_asynchronous():
    obj = fresh(reset_disable=1)
    fota.blocking = False
    for url in (HTTP + "/fota.bin?slow", ftp("/slow-fota.bin")):
        equal(download(obj, url1=url), 0)
        assert not exists(PACKAGE)
        equal((obj.httpDownload(url1=url), obj.write(b"x", 1)), (-1, -1), "one at a time")
        wait_for(lambda: events and events[-1][0] != 1)
        equal((events[-1], read(PACKAGE) == IMAGE), ([0, 100], True))
        remove(PACKAGE)
        events.clear()
    equal(download(obj, url1=HTTP + "/absent"), 0)
    wait_for(lambda: events)
    equal(events, [[-1, 1006]])


def test_begun_again_while_one_runs():
    """`fota()` ends what is under way; its callback hears of that, and the next download is its own."""
    for url in (HTTP + "/fota.bin?slow", ftp("/slow-fota.bin")):
        obj, earlier = fresh(reset_disable=1), []
        fota.blocking = False
        equal(obj.httpDownload(url1=url, callback=earlier.append), 0)
        wait_for(lambda: earlier)
        obj = fota(reset_disable=1)
        wait_for(lambda: earlier[-1][0] != 1)
        equal(earlier[-1], [-1, 1011])
        fota.blocking = True
        equal((download(obj, url1=HTTP + "/fota.bin"), events[-1], read(PACKAGE) == IMAGE), (0, [0, 100], True))
        count = len(earlier)
        remove(PACKAGE)
        equal(len(earlier), count)


def test_callback_that_raises():
    def wrong(args):
        raise [RuntimeError, SystemExit][args[1] % 2]("expected in this test")

    for url in (HTTP + "/fota.bin", ftp()):
        obj = fresh(reset_disable=1)
        for _ in range(2):
            equal((obj.httpDownload(url1=url, callback=wrong), read(PACKAGE) == IMAGE), (0, True))
        equal((download(obj, url1=url), events[-1]), (0, [0, 100]))
    fota.on_apn = lambda *given: wrong([1, 0])
    equal(obj.apn_set(), -1)


def test_apn_set():
    obj, seen = fresh(), []
    arguments = dict(fota_apn="CMNET", ip_type=0, fota_user="abc", fota_password="123")
    equal(obj.apn_set(**arguments), -1)
    fota.on_apn = lambda *given: seen.append(given)
    equal((obj.apn_set(**arguments), obj.apn_set(ip_type=1), obj.apn_set(ip_type=2), obj.apn_set(fota_apn=7)), (0, 0, -1, -1))
    equal(seen, [("CMNET", 0, "abc", "123"), (None, 1, None, None)])
    fota.on_apn = lambda *given: -1
    equal(obj.apn_set(), -1)
    raises(TypeError, obj.apn_set, "CMNET")


def test_write_flush_verify():
    obj = fresh()
    equal((obj.flush(), obj.verify(), obj.write(b"x"), obj.write(b"", 0), obj.write(b"x", "1")), (-1,) * 5)
    for kind in (bytes, bytearray, memoryview):
        equal((obj.write(kind(b"abc"), 6), obj.write(kind(b"def"), 6)), (0, 0))
        assert not exists(PACKAGE)
        equal((obj.flush(), obj.verify(), read(PACKAGE)), (0, 0, b"abcdef"))
        remove(PACKAGE)
    equal((obj.write(b"abc", 6), obj.flush(), obj.verify()), (0, 0, -1))
    equal((obj.write(b"abcdef", 6), obj.verify(), read(PACKAGE)), (0, 0, b"abcdef"), "flushed on the way")
    remove(PACKAGE)
    equal((obj.write(b"abcde", 6), obj.verify()), (0, -1))
    # A view's length is in items, what is written are bytes.
    view = memoryview(array.array("H", [0x6261, 0x6463]))
    equal((obj.write(view, 4), obj.verify(), read(PACKAGE)), (0, 0, b"abcd"))
    remove(PACKAGE)
    equal((obj.write(b"abcdefg", 6), obj.flush(), obj.verify()), (-1, -1, -1))
    equal(exists(PACKAGE), False)
    equal(obj.expect("md5", digest(b"abc", hashlib.md5).upper()), 0)
    equal((obj.write(b"abc", 3), obj.flush(), obj.verify()), (0, 0, 0))
    equal(obj.expect("sha256", digest(b"abd")), 0)
    equal((obj.write(b"abc", 3), obj.flush(), obj.verify()), (0, 0, -1))


run(globals())
