# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whom TLS trusts, against curl: what `curl --cacert FILE` accepts with the same PEM text is accepted, what it refuses is
refused. The certificates are made by the openssl program: each kind of key, each way of naming the host, each kind of
certificate, shown and given in each way."""

import concurrent.futures
import itertools
import os
import shutil
import ssl
import subprocess
import unittest

from lib import liars
from lib.context import tool
from test_native import SIZE, Native

KEYS = {
    "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa2048": ["-newkey", "rsa:2048"],
    "ed25519": ["-newkey", "ed25519"],
}
NAMES = {
    "san": ("/CN=x", "subjectAltName=DNS:localhost"),
    "san-ip": ("/CN=x", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
    "cn": ("/CN=localhost", None),
    "cn-last": ("/CN=first/O=x/CN=localhost", None),
    "cn-beside-san": ("/CN=localhost", "subjectAltName=DNS:elsewhere.test"),
    "cn-beside-mail": ("/CN=localhost", "subjectAltName=email:a@b.test"),
    "other": ("/CN=x", "subjectAltName=DNS:elsewhere.test"),
}
KINDS = {
    "leaf": "basicConstraints=critical,CA:FALSE",
    "authority": "basicConstraints=critical,CA:TRUE",
    "bare": None,
    "client": "extendedKeyUsage=clientAuth",
    "server": "extendedKeyUsage=serverAuth",
}
# What is shown, and what is given.
WAYS = ("self-signed", "by-root", "by-middle", "middle-given", "leaf-given", "stranger")


@unittest.skipUnless(shutil.which("curl"), "no curl")
class Trust(Native):
    def openssl(self, *words):
        done = subprocess.run([tool("openssl"), *words], cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def make(self, name, key, subject, extensions, issuer=None):
        """NAME.pem and NAME.key."""
        with open(os.path.join(self.dir, name + ".cnf"), "w", encoding="ascii") as f:
            f.write("[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nsubjectKeyIdentifier=hash\n")
            f.writelines(each + "\n" for each in extensions if each)
        signed = ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"] if issuer else []
        self.openssl("req", "-x509", *KEYS[key], "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "9",
                     "-subj", subject, "-config", name + ".cnf", *signed)

    def text(self, name):
        with open(os.path.join(self.dir, name + ".pem"), encoding="ascii") as f:
            return f.read()

    def case(self, key, names, kind, way):
        """The folder's files for one case: the chain's file name, the given one's."""
        name = f"{key}-{names}-{kind}-{way}"
        subject, alternative = NAMES[names]
        issuer = {"by-root": "root", "by-middle": "middle", "middle-given": "middle", "stranger": "root"}.get(way)
        self.make(name, key, subject, [alternative, KINDS[kind]], issuer)
        chain = self.text(name) + (self.text("middle") if way == "by-middle" else "")
        given = {"by-root": "root", "by-middle": "root", "middle-given": "middle", "stranger": "other"}.get(way, name)
        with open(os.path.join(self.dir, name + ".chain"), "w", encoding="ascii") as f:
            f.write(chain)
        return name, os.path.join(self.dir, given + ".pem")

    def outcomes(self, name, given, host):
        """Whether curl accepts it, and the library's code."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.dir, name + ".chain"), os.path.join(self.dir, name + ".key"))
        content = liars.image(SIZE)

        def serve(connection, _):
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    liars.answer(tls, content)
            except ssl.SSLError:
                pass
        server = liars.Listener(serve)
        try:
            url = f"https://{host}:{server.port}/image"
            curl = subprocess.run(["curl", "-sS", "-m", "20", "--noproxy", "*", "--cacert", given, "-o", os.devnull, url],
                                  capture_output=True, text=True, check=False)
            words = self.get(url=url)
            words[-1] = os.path.join(self.dir, f"{name}-{host}.image")
            codes, lines = self.run_program("ca", given, *words)
            return curl.returncode, codes[-1], [curl.stderr, *lines]
        finally:
            server.close()

    def test_the_same_as_curl(self):
        authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        self.make("root", "p256", "/CN=root", authority)
        self.make("other", "p256", "/CN=other root", authority)
        self.make("middle", "p256", "/CN=middle", authority, "root")
        wanted = [*itertools.product(["p256"], NAMES, KINDS, WAYS),
                  *itertools.product(["p384", "rsa2048", "ed25519"], ["san"], ["leaf", "authority"], WAYS)]
        accepted, problems = 0, []

        def one(case):
            name, given = self.case(*case)
            hosts = ("localhost", "127.0.0.1") if "ip" in case[1] else ("localhost",)
            return [(name, host, *self.outcomes(name, given, host)) for host in hosts]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for name, host, curl, ours, lines in itertools.chain.from_iterable(pool.map(one, wanted)):
                accepted += curl == 0
                if (curl == 0) != (ours == 0) or (curl == 60 and ours != -13):
                    problems.append(f"{name} for {host}: curl {curl}, ours {ours}: {lines}")
        self.assertEqual(problems, [], "\n".join(problems))
        self.assertGreater(accepted, 50)
