# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small HTTP server on loopback with ranges; can cut bodies, trickle, redirect and leave the length out."""

import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.log.append((self.path, self.headers.get("Range")))
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
            return
        data = server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = 0
        wanted = self.headers.get("Range")
        if wanted and server.ranges:
            start = int(wanted[len("bytes=") : -1])
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        else:
            self.send_response(200)
        if server.lengths:
            self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", '"v1"')
        self.end_headers()
        self.body(data[start:])

    def body(self, data):
        server = self.server
        if server.cuts:
            data = data[: server.cuts.pop(0)]
        try:
            for at in range(0, len(data), 4096):
                self.wfile.write(data[at : at + 4096])
                if server.ended.wait(0.05 if server.trickle else 0):
                    return
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.log, self.redirects = files, [], [], {}
        self.ranges = self.lengths = True
        self.trickle, self.ended = False, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server_address[1], path)

    def close(self):
        self.ended.set()
        self.shutdown()
        self.server_close()
