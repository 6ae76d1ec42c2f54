"""A school's credential in the hands of somebody who speaks the leaf protocol without a server."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import nkeys

from reelwarden_common.messaging.login import public_key


@dataclass(frozen=True)
class Heard:
    """One message that the hub sent down."""

    subject: str
    reply: str
    payload: bytes


@dataclass
class RawLeaf:
    """One connection to the hub's port for leaves; says and subscribes to whatever it is told."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Heard] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[str, list[tuple[Mapping[str, str], bytes]]] = field(default_factory=dict)
    """What is answered to a request, by the beginning of its subject."""

    def send(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")

    def subscribe(self, subject: str) -> None:
        self.send(f"LS+ {subject}")

    def say(
        self, subject: str, body: bytes = b"{}", headers: Mapping[str, str] | None = None, reply: str = ""
    ) -> None:
        """Send a message up, whether allowed or not; `Status` among the headers is their first line."""
        where = f"{subject} {reply}".strip()
        if headers is None:
            self.writer.write(f"LMSG {where} {len(body)}\r\n".encode() + body + b"\r\n")
            return
        status = headers.get("Status", "")
        lines = [f"NATS/1.0 {status}".strip()]
        lines += [f"{name}: {value}" for name, value in headers.items() if name != "Status"]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        size = f"{len(head)} {len(head) + len(body)}"
        self.writer.write(f"HMSG {where} {size}\r\n".encode() + head + body + b"\r\n")

    async def flush(self, seconds: float = 5) -> None:
        """Until the hub has read everything, or hung up."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(seconds):
                await self.writer.drain()
        await asyncio.sleep(0.3)

    async def listen(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := (await self.reader.readline()).decode().strip():
                await self._take(line.split(" "))
        self.ended.set()

    async def _take(self, words: list[str]) -> None:
        if words[0] == "PING":
            self.send("PONG")
        elif words[0] == "-ERR":
            self.errors.append(" ".join(words[1:]))
        elif words[0] in ("LMSG", "HMSG"):
            sizes = 1 if words[0] == "LMSG" else 2
            head = int(words[-2]) if words[0] == "HMSG" else 0
            payload = (await self.reader.readexactly(int(words[-1]) + 2))[head:-2]
            subject, *rest = words[1:-sizes]
            reply = rest[-1] if rest else ""
            self.heard.append(Heard(subject, reply, payload))
            for prefix, replies in self.answers.items():
                if reply and subject.startswith(prefix):
                    for headers, body in replies:
                        self.say(reply, body, headers or None)


@asynccontextmanager
async def raw_leaf(
    port: int, seed: str, domain: str, *, claimed: str | None = None
) -> AsyncIterator[RawLeaf]:
    """Connect as a leaf, perhaps with a key that is not the seed's; it may be refused (see `errors`)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    leaf = RawLeaf(reader, writer)
    greeting = await reader.readline()
    assert greeting.startswith(b"INFO ")
    nonce = json.loads(greeting.removeprefix(b"INFO "))["nonce"].encode()
    signature = nkeys.from_seed(bytearray(seed.encode())).sign(nonce)
    hello = {
        "nkey": claimed or public_key(seed),
        "sig": base64.urlsafe_b64encode(signature).rstrip(b"=").decode(),
        "name": f"raw-{domain}",
        "server_id": f"RAW{domain}",
        "headers": True,
        "jetstream": True,
        "domain": domain,
        "compression": "not supported",
        "protocol": 1,
    }
    leaf.send(f"CONNECT {json.dumps(hello)}")
    leaf.send("PING")
    listening = asyncio.create_task(leaf.listen())
    await leaf.flush()
    try:
        yield leaf
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
