# SPDX-License-Identifier: MIT OR Apache-2.0
"""An nginx of the test's own, serving files with Range and ETag, plain and over TLS."""

import hashlib
import os
import random
import re

from .context import tool
from .proc import Process, accepts, free_port, scratch, wait_until

CONF = """
daemon off;
pid {dir}/nginx.pid;
error_log stderr warn;
worker_processes 1;
{user}
events {{ worker_connections 128; }}
http {{
  log_format t '$request_method $request_uri $status $body_bytes_sent range=$http_range if=$http_if_range ua=$http_user_agent';
  access_log {dir}/access.log t;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  sendfile on; etag on; default_type application/octet-stream; large_client_header_buffers 4 32k;
  {servers}
}}
"""

SERVER = """
  server {{
    listen 127.0.0.1:{port}{ssl};
    {certs}
    root {dir}/www;
    if ($arg_rate) {{ set $limit_rate $arg_rate; }}
    location = / {{ return 404; }}
    location = /to-plain.bin {{ return 302 http://127.0.0.1:{plain}/image.bin; }}
    location = /relative.bin {{ return 302 /image.bin; }}
    location = /moved.bin {{ return 301 http://127.0.0.1:{plain}/image.bin; }}
    location = /loop.bin {{ return 302 /loop.bin; }}
    location /long/ {{ try_files /image.bin =404; }}
    location /private/ {{ auth_basic "private"; auth_basic_user_file {dir}/users; try_files /image.bin =404; }}
  }}
"""


class Nginx:
    """`port` is plain HTTP; `tls_ports[kind]` HTTPS, one per certificate kind. `image.bin` exists from the start."""

    def __init__(self, authority=None, kinds=("good",), image_size=60000):
        self._dir = scratch()
        self.root = os.path.join(self._dir.name, "www")
        os.mkdir(self.root)
        self.port = free_port()
        self.tls_ports = {kind: free_port() for kind in kinds} if authority else {}
        with open(os.path.join(self._dir.name, "users"), "w") as f:
            f.write("us er:{PLAIN}p@ss\n")
        servers = [SERVER.format(port=self.port, ssl="", certs="", dir=self._dir.name, plain=self.port)]
        for kind, port in self.tls_ports.items():
            certs = f"ssl_certificate {authority.cert(kind)}; ssl_certificate_key {authority.key(kind)};"
            servers.append(SERVER.format(port=port, ssl=" ssl", certs=certs, dir=self._dir.name, plain=self.port))
        conf = os.path.join(self._dir.name, "nginx.conf")
        with open(conf, "w") as f:
            f.write(CONF.format(dir=self._dir.name, servers="".join(servers),
                                user="user root;" if os.geteuid() == 0 else ""))
        self.image = self.add("image.bin", image_size)
        self.process = Process([tool("nginx"), "-p", self._dir.name, "-c", conf])
        wait_until(lambda: accepts(self.port) or not self.process.alive(), what="nginx")
        if not self.process.alive():
            raise RuntimeError("nginx ended: " + self.process.err)

    def add(self, name, size, seed=None):
        """Writes a file of reproducible random bytes. Returns its Image."""
        content = random.Random(seed if seed is not None else name).randbytes(size)
        return self.add_content(name, content)

    def add_content(self, name, content):
        with open(os.path.join(self.root, name), "wb") as f:
            f.write(content)
        return Image(name, content)

    def add_sparse(self, name, size):
        """A file of `size` zero bytes that takes no room on disk."""
        with open(os.path.join(self.root, name), "wb") as f:
            f.truncate(size)

    def url(self, path, kind=None, host="127.0.0.1"):
        """Plain URL, or HTTPS with the certificate `kind`."""
        if kind is None:
            return f"http://{host}:{self.port}/{path}"
        return f"https://{host}:{self.tls_ports[kind]}/{path}"

    def requests(self, path):
        """Access log lines of one path (they appear when the answer is complete), as (method, status, range)."""
        with open(os.path.join(self._dir.name, "access.log")) as f:
            found = (re.match(r"(\S+) (\S+) (\d+) (\d+) range=(\S+)", line) for line in f)
            return [(m[1], int(m[3]), m[5]) for m in found if m and m[2].split("?")[0] == "/" + path]

    def close(self):
        self.process.terminate()
        self._dir.cleanup()


class Image:
    """A firmware image: its bytes and digests."""

    def __init__(self, name, content):
        self.name, self.content, self.size = name, content, len(content)
        self.md5 = hashlib.md5(content).hexdigest()
        self.sha256 = hashlib.sha256(content).hexdigest()
