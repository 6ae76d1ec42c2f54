"""A bench's roles and loops, each in a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


@asynccontextmanager
async def process(module: str, environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module while the block runs."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env={**os.environ, **environment, "RW_LOG_LEVEL": "WARNING"}
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()
