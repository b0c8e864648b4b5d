# SPDX-License-Identifier: MIT OR Apache-2.0
"""What `otakit_ftp` needs of CPython's ftplib, for MicroPython, which has none."""

import socket


class Error(Exception):
    pass


class error_perm(Error):
    """The server says no for good (5xx)."""


class _Socket:
    """A socket as a context manager."""

    def __init__(self, host, port, timeout):
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(address)
        except Exception:
            self._socket.close()
            raise
        self.settimeout, self.recv, self.send = self._socket.settimeout, self._socket.recv, self._socket.send

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


class FTP:
    def __init__(self, timeout):
        self._timeout = timeout
        self._control = None
        self._input = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._control is not None:
            self._control.__exit__()

    def connect(self, host, port):
        self._host = host
        self._control = _Socket(host, port, self._timeout)
        return self._answer()

    def login(self, user, password):
        answer = self.sendcmd("USER " + user)
        if answer[0] == "3":
            answer = self.sendcmd("PASS " + password)
        if answer[0] != "2":
            raise Error(answer)
        return answer

    def size(self, path):
        return int(self.voidcmd("SIZE " + path)[3:])

    def transfercmd(self, command, rest=None):
        try:
            port = int(self.voidcmd("EPSV").split("|")[3])
        except error_perm:
            numbers = self.voidcmd("PASV").split("(")[1].split(")")[0].split(",")
            port = int(numbers[4]) * 256 + int(numbers[5])
        data = _Socket(self._host, port, self._timeout)
        try:
            if rest is not None:
                self.sendcmd("REST %d" % rest)
            answer = self.sendcmd(command)
            if answer[0] != "1":
                raise Error(answer)
        except Exception:
            data.__exit__()
            raise
        return data

    def voidcmd(self, command):
        answer = self.sendcmd(command)
        if answer[0] != "2":
            raise Error(answer)
        return answer

    def sendcmd(self, command):
        data = (command + "\r\n").encode()
        while data:
            data = data[self._control.send(data) :]
        return self._answer()

    def _line(self):
        while b"\n" not in self._input:
            if len(self._input) > 8192:
                raise Error("line too long")
            piece = self._control.recv(512)
            if not piece:
                raise EOFError
            self._input += piece
        line, self._input = self._input.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def _answer(self):
        line = self._line()
        code = line[:3]
        while line[3:4] == "-" or line[:3] != code:
            line = self._line()
        if code[:1] == "5":
            raise error_perm(line)
        if code[:1] not in ("1", "2", "3"):
            raise Error(line)
        return line
