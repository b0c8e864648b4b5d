# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small FTP server on loopback: passive mode, REST. What it does beside is in the file's name, before the name proper:

    cut-N-    ends the data after N bytes, at each of the first two requests      slow-   4 KiB every 50 ms
    long-     sends more than it said       silent-   sends nothing       half-   leaves the end out
"""

import socket
import socketserver
import threading


class Handler(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write((text + "\r\n").encode())

    def handle(self):
        server, offset, user, listener = self.server, 0, None, None
        self.say("220-hello\r\n220 ready")
        for line in self.rfile:
            command, _, argument = line.decode().strip().partition(" ")
            command = command.upper()
            server.log.append((command, argument))
            if command == "USER":
                user = argument
                self.say("331 password")
            elif command == "PASS":
                good = (user, argument) in server.logins
                self.say("230 in" if good else "530 no")
            elif command == "TYPE":
                self.say("200 ok")
            elif command == "SIZE":
                data = self.file(argument)
                self.say("550 no file" if data is None else "213 %d" % len(data))
            elif command in ("PASV", "EPSV"):
                listener = socket.create_server(("127.0.0.1", 0))
                port = listener.getsockname()[1]
                if command == "PASV":
                    self.say("227 (127,0,0,1,%d,%d)" % (port >> 8, port & 255))
                else:
                    self.say("229 (|||%d|)" % port)
            elif command == "REST":
                offset = int(argument)
                self.say("350 ok")
            elif command == "RETR":
                self.say("150 here")
                with listener, listener.accept()[0] as out:
                    self.send(out, argument, self.file(argument)[offset:])
                offset = 0
                self.say("226 done")
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 no")

    def file(self, name):
        return self.server.files.get("/" + name.lstrip("/").rsplit("-", 1)[-1])

    def send(self, out, name, data):
        server, name = self.server, name.lstrip("/")
        asked = [argument for command, argument in server.log if command == "RETR"].count(name)
        if name.startswith("cut-") and asked <= 2:
            data = data[: int(name.split("-")[1])]
        if name.startswith("half-"):
            data = data[: len(data) // 2] if asked == 1 else b""
        if name.startswith("long-"):
            data += b"x"
        try:
            if name.startswith("silent-"):
                server.ended.wait(60)
            for at in range(0, len(data), 4096):
                out.sendall(data[at : at + 4096])
                if server.ended.wait(0.05 if name.startswith("slow-") else 0):
                    return
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.log, self.ended = files, [], threading.Event()
        self.logins = [("user", "password"), ("a@b:c", "p/%w")]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients that leave early are part of the tests."""

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path="/fota.bin", login="user:password"):
        return "ftp://%s@127.0.0.1:%d%s" % (login, self.port, path)

    def close(self):
        self.ended.set()
        self.shutdown()
        self.server_close()
