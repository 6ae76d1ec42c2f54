"""What orchestrators and Prometheus ask: alive, ready, metrics."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from reelwarden_common.telemetry import Telemetry

Readiness = Callable[[], Awaitable[str | None]]
"""None when ready, else what is missing."""


def add_health(app: FastAPI, telemetry: Telemetry, readiness: Readiness) -> None:
    """Put /livez, /readyz and /metrics on a role's application."""

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "alive", "role": telemetry.role}

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, str]:
        problem = await readiness()
        if problem:
            response.status_code = 503
            return {"status": "not ready", "problem": problem}
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(telemetry.registry), media_type=CONTENT_TYPE_LATEST)


@asynccontextmanager
async def serve_http(app: FastAPI, host: str, port: int) -> AsyncIterator[str]:
    """Serve while the block runs; yields the address, with the port that was really taken.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.create_server((host, port))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    task = asyncio.create_task(_serve(server, listener))
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """What `Server.serve` does, but for taking over the process's signals: those are the role's."""
    await server.startup(sockets=[listener])
    await server.main_loop()
    await server.shutdown(sockets=[listener])
