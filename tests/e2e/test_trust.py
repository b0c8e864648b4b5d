# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whom TLS trusts, against curl: what `curl --cacert FILE` accepts with the same PEM text is accepted, what it refuses is
refused. The certificates are made by the openssl program: each kind of key, each way of naming the host, each kind of
certificate, shown and given in each way; each way of writing the text. The differences are those of docs/SECURITY.md."""

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
# Of these only some cases: what a key may be used for.
USAGES = {
    "signs-only": "keyUsage=keyCertSign",
    "speaks": "keyUsage=digitalSignature",
    "agrees": "keyUsage=keyAgreement",
    "does-neither": "keyUsage=cRLSign",
    "signs-and-speaks": "keyUsage=digitalSignature,keyCertSign",
}
KINDS_AND_USAGES = {**KINDS, **USAGES}
# Authorities that are given: what they say, and whether they are trusted by the library where curl refuses.
AUTHORITIES = {
    "plain": (["basicConstraints=CA:TRUE"], False),
    "says-nothing": ([], False),
    "leaf": (["basicConstraints=CA:FALSE"], False),
    "usage-alone": (["keyUsage=keyCertSign"], False),
    "usage-of-a-leaf": (["keyUsage=digitalSignature"], False),
    "may-not-sign": (["basicConstraints=CA:TRUE", "keyUsage=digitalSignature"], False),
    "no-depth": (["basicConstraints=CA:TRUE,pathlen:0"], True),
    "depth-of-one": (["basicConstraints=CA:TRUE,pathlen:1"], False),
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
        self.make(name, key, subject, [alternative, KINDS_AND_USAGES[kind]], issuer)
        chain = self.text(name) + (self.text("middle") if way == "by-middle" else "")
        given = {"by-root": "root", "by-middle": "root", "middle-given": "middle", "stranger": "other"}.get(way, name)
        with open(os.path.join(self.dir, name + ".chain"), "w", encoding="ascii") as f:
            f.write(chain)
        return name, os.path.join(self.dir, given + ".pem")

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.dir, name + ".chain"), os.path.join(self.dir, name + ".key"))
        return context

    def outcomes(self, name, given, host, context=None):
        """Whether curl accepts it, and the library's code."""
        context = context or self.context(name)
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
        wanted = [*itertools.product(["p256"], NAMES, KINDS, WAYS), *itertools.product(["p256"], ["san"], USAGES, WAYS),
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

    def chain(self, name, *signers):
        """NAME, signed by the first of the signers; it shows all of them."""
        self.make(name, "p256", "/CN=x", [NAMES["san"][1], KINDS["leaf"]], signers[0])
        with open(os.path.join(self.dir, name + ".chain"), "w", encoding="ascii") as f:
            f.write("".join(self.text(each) for each in (name, *signers)))

    def pem(self, name):
        return os.path.join(self.dir, name + ".pem")

    def test_authorities(self):
        """Who may sign others. The one difference is in docs/SECURITY.md: how many may stand below it."""
        for name, (extensions, differs) in AUTHORITIES.items():
            self.make(name, "p256", "/CN=root", extensions)
            self.make(name + "-between", "p256", "/CN=between", ["basicConstraints=CA:TRUE"], name)
            self.chain(name + "-leaf", name)
            self.chain(name + "-below", name + "-between")
            for shown in ("leaf", "below"):
                with self.subTest(authority=name, shown=shown):
                    curl, ours, lines = self.outcomes(f"{name}-{shown}", self.pem(name), "localhost")
                    self.assertEqual((curl == 0) != (ours == 0), differs and shown == "below", lines)
                    self.assertIn(ours, (0, -13), lines)

    def test_long_chains(self):
        self.make("s0", "p256", "/CN=s0", ["basicConstraints=CA:TRUE"])
        for n in range(1, 8):
            self.make(f"s{n}", "p256", f"/CN=s{n}", ["basicConstraints=CA:TRUE"], f"s{n - 1}")
        self.chain("six", *(f"s{n}" for n in range(6, 0, -1)))
        self.chain("seven", *(f"s{n}" for n in range(7, 0, -1)))
        curl, ours, lines = self.outcomes("six", self.pem("s0"), "localhost")
        self.assertEqual((curl, ours), (0, 0), lines)
        curl, ours, lines = self.outcomes("seven", self.pem("s0"), "localhost")
        self.assertEqual((curl, ours), (0, -13), lines)
        told = "certificate refused: more than 6 certificates between it and a trusted authority; use a shorter chain"
        self.assertTrue(any(told in line for line in lines), lines)

    def test_groups(self):
        """Key exchange: these groups and no other."""
        self.make("root", "p256", "/CN=root", ["basicConstraints=CA:TRUE"])
        self.chain("leaf", "root")
        for group, code in (("prime256v1", 0), ("secp384r1", 0), ("secp521r1", -14)):
            context = self.context("leaf")
            context.set_ecdh_curve(group)
            with self.subTest(group=group):
                curl, ours, lines = self.outcomes("leaf", self.pem("root"), "localhost", context)
                self.assertEqual((curl, ours), (0, code), lines)
                told = "TLS refused: no version, cipher suite or key exchange group in common: "
                self.assertEqual(any(told in line for line in lines), code != 0, lines)

    def texts(self, pem, trusted, rejected, other):
        """{what: (the text, whether it is readable for curl)}; all but the last ones are for the library."""
        body = b"".join(pem.splitlines()[1:-1])
        begin, end = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"
        mark = b"\xef\xbb\xbf"
        return {
            "plain": pem, "lines of DOS": pem.replace(b"\n", b"\r\n"), "no end of line": pem.strip(),
            "byte-order mark": mark + pem, "byte-order mark, comment": mark + b"# root\n" + pem,
            "Latin-1 above": b"Autorit\xe9 de certification\n=====\n" + pem, "any bytes below": pem + b"\xff\xfe\x01\n",
            "X509": pem.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
            "TRUSTED alone": pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
            "trust attributes": trusted, "attributes under another label": trusted.replace(b"TRUSTED ", b""),
            "rejected": rejected, "rejected beside another": rejected + other,
            "one line": begin + body + b"\n" + end, "long lines": begin + body[:70] + b"\n" + body[70:] + b"\n" + end,
            "blanks behind": pem.replace(b"\n", b"  \n"), "two": other + pem, "two the other way": pem + other,
            "another one": other, "none": b"no certificate\n", "empty": b"", "cut": pem[:200],
            "damaged": begin + b"AAAA\n" + end, "no base64": begin + b"!!!!\n" + end,
            "a public key": pem.replace(b"CERTIFICATE", b"PUBLIC KEY"),
        }

    def test_texts(self):
        """Each way of writing an authority down: what curl reads is read. What holds no certificate is refused at once."""
        for name in ("root", "other"):
            self.make(name, "p256", f"/CN={name}", ["basicConstraints=CA:TRUE"])
        self.chain("leaf", "root")
        for made, attribute in (("trusted", "-addtrust"), ("rejected", "-addreject")):
            self.openssl("x509", "-in", "root.pem", "-trustout", attribute, "serverAuth", "-out", made + ".pem")
        made = {}
        for name in ("root", "trusted", "rejected", "other"):
            with open(self.pem(name), "rb") as f:
                made[name] = f.read()
        accepted, refused = set(), set()
        for at, (what, text) in enumerate(self.texts(*made.values()).items()):
            given = self.pem(f"text-{at}")
            with open(given, "wb") as f:
                f.write(text)
            with self.subTest(text=what):
                curl, ours, lines = self.outcomes("leaf", given, "localhost")
                self.assertEqual(curl == 0, ours == 0, lines)
                said = [line for line in lines if "otakit_set_https_ca: refused: pem holds no certificate" in line]
                self.assertEqual("ca -2" in lines, bool(said), lines)
                (accepted if ours == 0 else refused if said else set()).add(what)
        self.assertLessEqual({"byte-order mark", "Latin-1 above", "X509", "trust attributes"}, accepted)
        self.assertEqual(refused, {"rejected", "none", "empty", "cut", "damaged", "no base64", "a public key"})

    def test_one_alert_is_no_verdict(self):
        """A server that starts says it once and is asked again; one that goes on saying it is not asked a fourth time."""
        self.make("root", "p256", "/CN=root", ["basicConstraints=CA:TRUE"])
        self.chain("leaf", "root")
        context, content = self.context("leaf"), liars.image(SIZE)
        failure, internal, certificate = 40, 80, 116
        for alert, times, code, asked in ((failure, 1, 0, 2), (failure, 2, 0, 3), (failure, 99, -14, 3), (internal, 4, 0, 5),
                                          (certificate, 99, -14, 1)):
            def serve(connection, number, alert=alert, times=times):
                if number <= times:
                    connection.recv(65536)
                    connection.sendall(bytes([21, 3, 3, 0, 2, 2, alert]))
                    connection.recv(65536)
                    return
                with context.wrap_socket(connection, server_side=True) as tls:
                    liars.answer(tls, content)
            server = liars.Listener(serve)
            self.addCleanup(server.close)
            with self.subTest(alert=alert, times=times):
                url = f"https://localhost:{server.port}/image"
                codes, lines = self.run_program("option", 0, 8, "ca", self.pem("root"), *self.get(url=url))
                self.assertEqual((codes, server.connections), ([code], asked), lines)
