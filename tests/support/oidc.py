"""A real OpenID provider for tests: a process on loopback, with a few people."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from reelwarden_common.district import Oidc
from reelwarden_common.web import Web
from reelwarden_common.web.oidc import Provider
from reelwarden_local.servers import free_port
from tests.support.desk import DeskHouse

PEOPLE: list[dict[str, Any]] = [
    {"sub": "u-1", "name": "林校长", "department": "校长室", "groups": ["s1-leaders", "choir"]},
    {"sub": "u-2", "name": "客人", "groups": ["choir"]},
    {"sub": "u-3", "name": "安全员", "groups": "s1-safety", "amr": ["pwd", "otp"]},
]


@contextmanager
def provider(host: str = "127.0.0.1") -> Iterator[str]:
    """Its issuer; `localhost` is another site than the desk's."""
    port = free_port()
    claims = [part for one in PEOPLE for part in ("--user-claims", json.dumps(one))]
    options = ["--port", str(port), "--require-nonce", "true", *claims]
    command = [sys.executable, "-m", "oidc_provider_mock", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/jwks")
                    break
                except httpx.TransportError:
                    assert process.poll() is None
                    time.sleep(0.1)
            yield f"http://{host}:{port}"
        finally:
            process.kill()


def use(house: DeskHouse, issuer: str, patch: pytest.MonkeyPatch) -> Web:
    """Let the desk trust it."""
    found: Web = house.http.state.web
    known = {"oidc_issuer": issuer, "oidc_client_id": "reelwarden", "oidc_client_secret": SecretStr("s/ %")}
    settings = house.settings.model_copy(update=known)
    claims = Oidc(unit_claim="department", grants=found.people._rules)
    patch.setattr(found, "oidc", Provider.of(settings, claims))
    return found
