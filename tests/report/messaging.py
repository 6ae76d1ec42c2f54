"""Who is told, for the tests of the messenger: a web server and a mail server that can be taken away."""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request, Response

from reelwarden_common import role
from reelwarden_common.health import serve_http
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.messenger.app import build
from reelwarden_report.district.messenger.settings import Settings
from tests.support.roles import until

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        port: int = one.getsockname()[1]
        return port


async def many(got: Sequence[object], count: int, seconds: float) -> None:
    """Until there are so many."""

    async def there() -> bool:
        return len(got) >= count

    await until(there, seconds)


@dataclass
class Receiver:
    """A program's web server: takes what comes, answers as it is told."""

    port: int = field(default_factory=free_port)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[], Response] = lambda: Response(status_code=204)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hook"

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        app = FastAPI()

        @app.post("/hook")
        async def hook(request: Request) -> Response:
            self.got.append((dict(request.headers), await request.body()))
            return self.answer()

        async with serve_http(app, LOOPBACK, self.port):
            yield

    async def until(self, count: int, seconds: float = 120) -> None:
        await many(self.got, count, seconds)


@dataclass
class MailServer:
    """A mail server that wants TLS and a password."""

    folder: Path
    port: int = field(default_factory=free_port)
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    password: str = "secret"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.got.append((envelope.rcpt_tos, message))
        return "250 OK"

    def text(self, number: int) -> str:
        return str(self.got[number][1].get_content())

    def _authenticate(self, *arguments: Any) -> AuthResult:
        given = arguments[-1]
        right = isinstance(given, LoginPassword) and given.password == self.password.encode()
        return AuthResult(success=right)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate(self.folder))
        controller = Controller(
            self,
            LOOPBACK,
            self.port,
            tls_context=context,
            require_starttls=True,
            authenticator=self._authenticate,
            auth_required=True,
        )
        controller.start()
        try:
            yield
        finally:
            await asyncio.to_thread(controller.stop)

    def settings(self) -> dict[str, object]:
        return {
            "smtp_host": LOOPBACK,
            "smtp_port": self.port,
            "smtp_ca_file": certificate(self.folder),
            "smtp_user": "reelwarden",
            "smtp_password": self.password,
            "smtp_sender": "Reelwarden <watch@example.org>",
        }

    async def until(self, count: int, seconds: float = 120) -> None:
        await many(self.got, count, seconds)


def certificate(folder: Path) -> Path:
    """A certificate for loopback with its key, signed by itself."""
    path = folder / "mail.pem"
    if path.exists():
        return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def environment(bus: EmbeddedBus, url: str, toml: Path, **settings: object) -> dict[str, object]:
    quick = {"gather_seconds": 0, "pause_seconds": 0, "send_seconds": 0.1, "retry_seconds": 0.2}
    own = {
        "nats_url": bus.url(),
        "nats_seed": bus.seed("messenger"),
        "database_url": url,
        "session_key": "k" * 40,
        "district_toml": toml,
        "webhook_private": True,
        "desk_url": "https://desk.example",
        "dashboard_url": "https://dashboard.example",
    }
    return own | quick | settings


@asynccontextmanager
async def messenger(bus: EmbeddedBus, url: str, toml: Path, **settings: object) -> AsyncIterator[None]:
    """A running messenger that waits for nothing."""
    given = Settings(**environment(bus, url, toml, **settings))  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(build(given))
        await stack.enter_async_context(role.running(built))
        yield
