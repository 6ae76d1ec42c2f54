"""Tries an HTTP API with what its own description allows and forbids, from a process of its own."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
ROOT = Path(__file__).parents[2]
SECONDS = 240
EXAMPLES = 8
"""Requests for each operation and kind."""
EXPECTED = """[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"""
"""503: a role that was asked is away."""


async def try_api(url: str, folder: Path, cookies: Mapping[str, str], password: str) -> str:
    """What was found, in words; empty if nothing.

    Args:
        url: Where the API runs; its description is at `/api/openapi.json`.
        folder: Where the run may write.
        cookies: Of whoever asks.
        password: Of the same person, where the description asks for one.
    """
    (folder / "schemathesis.toml").write_text(EXPECTED, encoding="utf-8")
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", "1"]
    command += ["--phases", "examples,fuzzing", "--request-timeout", "30", "--warnings", "off"]
    command += ["--suppress-health-check", "all", "--no-shrink", "--continue-on-failure"]
    command += ["--exclude-path", "/api/events"]  # a stream that does not end
    command += ["--header", f"Cookie: {cookie}"]
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.support.openapi_hooks",
        "PASSWORD": password,
        "PYTHONPATH": str(ROOT),
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **hooks, "PASSWORD": password},
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"it did not end within {SECONDS} s"
    return "" if process.returncode == 0 else said.decode(errors="replace")
