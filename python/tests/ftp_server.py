# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small FTP server on loopback: one file per path, passive mode, REST; can cut data connections."""

import socket
import socketserver
import threading


class Handler(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write((text + "\r\n").encode())

    def handle(self):
        server, offset, user, listener = self.server, 0, None, None
        self.say("220 ready")
        for line in self.rfile:
            command, _, argument = line.decode().strip().partition(" ")
            command = command.upper()
            server.log.append((command, argument))
            if command == "USER":
                user = argument
                self.say("331 password")
            elif command == "PASS":
                good = (user, argument) == server.login
                self.say("230 in" if good else "530 no")
            elif command == "TYPE":
                self.say("200 ok")
            elif command == "SIZE":
                data = server.files.get("/" + argument.lstrip("/"))
                self.say("550 no file" if data is None else "213 %d" % len(data))
            elif command in ("PASV", "EPSV"):
                listener = socket.create_server(("127.0.0.1", 0))
                port = listener.getsockname()[1]
                self.say("227 (127,0,0,1,%d,%d)" % (port >> 8, port & 255) if command == "PASV" else "229 (|||%d|)" % port)
            elif command == "REST":
                offset = int(argument)
                self.say("350 ok")
            elif command == "RETR":
                data = server.files["/" + argument.lstrip("/")][offset:]
                self.say("150 here")
                with listener, listener.accept()[0] as out:
                    self.send(out, data)
                offset = 0
                self.say("226 done")
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 no")

    def send(self, out, data):
        server = self.server
        if server.cuts:
            data = data[: server.cuts.pop(0)]
        try:
            for at in range(0, len(data), 4096):
                out.sendall(data[at : at + 4096])
                if server.slow.wait(0.05 if server.trickle else 0):
                    return
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, files, login=("user", "password")):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.login, self.cuts, self.log = files, login, [], []
        self.trickle, self.slow = False, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def close(self):
        self.slow.set()
        self.shutdown()
        self.server_close()
