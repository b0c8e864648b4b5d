# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `request`, over CPython's urllib, or MicroPython's `requests`."""

import json as _json

try:
    import urllib.error
    import urllib.request
except ImportError:  # MicroPython
    urllib = None
    import requests


class Response:
    def __init__(self, status_code, content, headers):
        self.status_code, self.content, self.headers = status_code, content, headers

    @property
    def text(self):
        return self.content.decode()

    def json(self):
        return _json.loads(self.text)

    def close(self):
        pass


def request(method, url, data=None, json=None, headers=None, timeout=60, **_):
    """What the server answers, whatever its status; OSError when there is none."""
    headers = dict(headers or {})
    if json is not None:
        data = _json.dumps(json)
        headers["Content-Type"] = "application/json"
    if isinstance(data, dict):
        data = _json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    if urllib is None:
        answer = requests.request(method, url, data=data, headers=headers, timeout=timeout)
        try:
            return Response(answer.status_code, answer.content, answer.headers)
        finally:
            answer.close()
    asked = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:
            return Response(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, error.read(), dict(error.headers))


def get(url, **more):
    return request("GET", url, **more)


def post(url, **more):
    return request("POST", url, **more)


def put(url, **more):
    return request("PUT", url, **more)


def head(url, **more):
    return request("HEAD", url, **more)
