# SPDX-License-Identifier: MIT OR Apache-2.0
"""A test CA and the leaves that a client must accept or refuse, made with the openssl program."""

import os
import subprocess

from .context import tool

GOOD, WRONG_HOST, EXPIRED, UNKNOWN_CA = "good", "wrong-host", "expired", "unknown-ca"
NOT_YET, SELF_SIGNED = "not-yet", "self-signed"
LOCAL = "DNS:localhost,IP:127.0.0.1"

CONFIG = """
[ca]
default_ca = own
[own]
dir = {dir}
database = $dir/{name}.index
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
x509_extensions = leaf
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


class Authority:
    """Certificates in one directory: `cert(kind)` and `key(kind)` for servers, `ca` for clients."""

    def __init__(self, folder):
        self.folder = folder
        self._root("trusted")
        self._root("stranger")
        self._leaf(GOOD, "trusted", LOCAL)
        self._leaf(WRONG_HOST, "trusted", "DNS:elsewhere.test")
        self._leaf(EXPIRED, "trusted", LOCAL, start="20200101000000Z", end="20210101000000Z")
        self._leaf(UNKNOWN_CA, "stranger", LOCAL)
        self._leaf(NOT_YET, "trusted", LOCAL, start="20480101000000Z", end="20490101000000Z")
        self._openssl("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", self.key(SELF_SIGNED), "-out", self.cert(SELF_SIGNED), "-subj", "/CN=localhost",
                      "-days", "20", "-addext", f"subjectAltName={LOCAL}")

    @property
    def ca(self):
        return self._path("trusted.pem")

    def cert(self, kind):
        return self._path(kind + ".pem")

    def key(self, kind):
        return self._path(kind + ".key")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *args):
        done = subprocess.run([tool("openssl"), *args], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {args[0]}: {done.stderr}")

    def _root(self, name):
        with open(self._path(name + ".cnf"), "w") as f:
            f.write(CONFIG.format(dir=self.folder, name=name))
        with open(self._path(name + ".index"), "w"):
            pass
        self._openssl("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", self._path(name + ".key"), "-out", self._path(name + ".pem"),
                      "-subj", f"/CN=otakit test {name}", "-days", "30",
                      "-config", self._path(name + ".cnf"), "-extensions", "root")

    def _leaf(self, name, issuer, names, start=None, end=None):
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", self.key(name), "-out", self._path(name + ".csr"), "-subj", f"/CN={name}",
                      "-addext", f"subjectAltName={names}")
        dates = ["-startdate", start, "-enddate", end] if start else ["-days", "20"]
        self._openssl("ca", "-batch", "-notext", "-config", self._path(issuer + ".cnf"),
                      "-cert", self._path(issuer + ".pem"), "-keyfile", self._path(issuer + ".key"),
                      "-in", self._path(name + ".csr"), "-out", self.cert(name), *dates)
