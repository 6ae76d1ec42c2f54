"""The line to an S3 store: bodies leave in slices, so that a slow line is no failure and can have a pace."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

SLICE = 32 * 1024
"""The socket's timeout is for one slice; for a whole body a slow line would need longer than a dead one."""
UNSENT = 4 * SLICE
"""What may wait in the kernel: the answer is not waited for while megabytes still lie there."""
Pace = Callable[[int], None]
"""Is told how many bytes are about to cross the line, and returns when they may; called from threads."""
_REPEATED = {"GET", "HEAD", "DELETE"}
"""What the HTTP client may repeat by itself. A put that seemed to fail may have left a version."""
_SOCKET = [*HTTPConnection.default_socket_options, (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)]


def at_once(_size: int) -> None:
    """The pace of a line without a limit."""


def connections(threads: int, pace: Pace) -> urllib3.PoolManager:
    """Connections for so many threads, all at one pace."""
    manager = urllib3.PoolManager(
        maxsize=threads,
        timeout=urllib3.Timeout(connect=3, read=30),
        socket_options=_SOCKET,
        retries=urllib3.Retry(
            total=2, backoff_factor=0.2, status_forcelist=[502, 503, 504], allowed_methods=_REPEATED
        ),
    )

    class Plain(HTTPConnection):
        def send(self, data: Any) -> None:  # noqa: ANN401 - as the class above has it
            for part in _slices(data, pace):
                super().send(part)

    class Secure(HTTPSConnection):
        def send(self, data: Any) -> None:  # noqa: ANN401 - as the class above has it
            for part in _slices(data, pace):
                super().send(part)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return manager


def _slices(data: Any, pace: Pace) -> Iterator[Any]:  # noqa: ANN401 - a body is bytes or a file
    if not isinstance(data, bytes):
        yield data
        return
    view = memoryview(data)
    for first in range(0, len(view), SLICE):
        part = view[first : first + SLICE]
        pace(len(part))
        yield part
