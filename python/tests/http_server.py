# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small HTTP server on loopback with ranges. What it does beside is in the query, so that a test in another process can
ask for it:

    cut=N      ends the body after N bytes, the first time that this URL is asked for them
    short=N    has no more than the first N bytes, whatever it announces
    slow       4 KiB every 50 ms          noranges   ignores Range
    nolength   no Content-Length          silent     no answer at all
    status=N   that status                to=PATH    a redirect
"""

import http.server
import threading
from urllib.parse import parse_qs, urlsplit


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.log.append((self.path, self.headers.get("Range")))
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if "silent" in asked:
            server.ended.wait(60)
            return
        if "to" in asked or "status" in asked:
            self.send_response(302 if "to" in asked else int(asked["status"]))
            self.send_header("Location", asked.get("to", "/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = server.files.get(parts.path)
        if data is None:
            self.send_error(404)
            return
        start, wanted = 0, self.headers.get("Range")
        if wanted and "noranges" not in asked:
            start = int(wanted[len("bytes=") : -1])
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        else:
            self.send_response(200)
        if "nolength" not in asked:
            self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", '"v1"')
        self.end_headers()
        self.body(data[start:], asked)

    def body(self, data, asked):
        server = self.server
        # The first request learns the size and reads no body; the cut is for the one that reads.
        if "cut" in asked and self.headers.get("Range") is None and server.asked(self.path) == 2:
            data = data[: int(asked["cut"])]
        if "short" in asked:
            data = data[: max(0, int(asked["short"]) - (len(self.server.files["/fota.bin"]) - len(data)))]
        try:
            for at in range(0, len(data), 4096):
                self.wfile.write(data[at : at + 4096])
                if server.ended.wait(0.05 if "slow" in asked else 0):
                    return
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.log, self.ended = files, [], threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def asked(self, path):
        return len([one for one, _ in self.log if one == path])

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server_address[1], path)

    def close(self):
        self.ended.set()
        self.shutdown()
        self.server_close()
