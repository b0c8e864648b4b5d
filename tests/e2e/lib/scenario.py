# SPDX-License-Identifier: MIT OR Apache-2.0
"""One walk through the API that touches its memory: for valgrind and for the sanitizers."""

from .bench import CHECK_CONFIG, CONFIG_URL, FILE_SIZE, MD5SUM, VERSION


def walk(test, device):
    """Updates that succeed, fail and are cut off, configurations, bad messages, stale handles. Ends the driver; returns
    its exit code."""
    image = test.origin.image
    device.up()
    device.call("report-version", device.h, '1.0"0')
    device.push("{not json")
    device.offer(md5="7d28")
    test.assertEqual(device.fetching, 0)

    device.offer()
    reply = device.fetch_all(4096, 2)
    test.assert_valid(device, image, reply)
    for kind in (VERSION, MD5SUM):
        for length in (1, 33, -1):
            device.ioctl(kind, length)
    device.ioctl(CHECK_CONFIG)

    device.offer(url=test.origin.url("missing.bin"))
    test.assertEqual(device.fetch_all(5000, 2).n, -1)
    device.offer(md5="0" * 32)
    device.fetch_all(5000, 2)
    test.assertEqual(device.verdict(), (0, 0))

    device.push({"id": "1", "version": "1.0", "method": "thing.config.push", "params": {
        "configId": "c", "configSize": image.size, "sign": image.sha256, "signMethod": "Sha256",
        "url": test.origin.url(image.name), "getType": "file"}}, device.topic("thing/config/push"), qos=0)
    test.assertEqual(device.call("ioctl-string", device.h, CONFIG_URL).text, test.origin.url(image.name))
    device.fetch_all(5000, 2)
    test.assertEqual(device.ioctl(CHECK_CONFIG).value, 1)

    device.offer(size=5000000000)
    device.ioctl(FILE_SIZE)
    device.call("fetch", device.h, 5000, 2)
    stale = device.h
    test.assertEqual(device.call("deinit", stale).ret, 0)
    test.assertEqual(device.call("deinit", stale).ret, -2)
    device.init()
    device.proxy.drop_all()
    device.pump(lambda: device.proxy.connections == 2, "the new connection", 30)
    device.call("deinit", device.h)
    test.assertEqual(device.call("destroy", device.m).ret, 0)
    test.assertEqual(device.call("yield", device.m, 10).ret, -2)
    return device.driver.quit(60)
