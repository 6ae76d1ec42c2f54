"""A time-stamp authority of the tests' own: `openssl ts` behind a web server on loopback (RFC 3161)."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *words: str) -> bytes:
    """Run it in a folder; what it says on failure is told."""
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass
class TimeStampAuthority:
    """Its folder, with `ca.pem` as what one trusts, and its address."""

    folder: Path
    url: str
    asked: int = 0
    answer: Callable[[bytes], bytes] | None = None
    """Instead of an honest answer."""

    @classmethod
    def certified(cls, folder: Path) -> Path:
        """Make a root and the authority's certificate, which may stamp times and nothing else."""
        folder.mkdir(parents=True)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.conf").write_text(_CONFIG.format(folder=folder))
        (folder / "root.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        (folder / "tsa.ext").write_text(
            "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        )
        for name, subject in (("ca", "/CN=Root of the tests"), ("tsa", "/CN=Authority of the tests")):
            request = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", subject)
            openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        sign = ("x509", "-req", "-days", "2", "-sha256")
        openssl(
            folder, *sign, "-in", "ca.csr", "-signkey", "ca.key", "-extfile", "root.ext", "-out", "ca.pem"
        )
        by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        openssl(folder, *sign, *by, "-in", "tsa.csr", "-extfile", "tsa.ext", "-out", "tsa.pem")
        return folder

    def reply(self, query: bytes) -> bytes:
        """What it answers."""
        self.asked += 1
        if self.answer:
            return self.answer(query)
        (self.folder / "query").write_bytes(query)
        words = ("ts", "-reply", "-config", "tsa.conf", "-queryfile", "query", "-out", "reply")
        openssl(self.folder, *words)
        return (self.folder / "reply").read_bytes()


@contextmanager
def authority(folder: Path) -> Iterator[TimeStampAuthority]:
    """One that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = one.reply(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one = TimeStampAuthority(TimeStampAuthority.certified(folder), f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
