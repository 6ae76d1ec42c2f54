"""What is sent to an API that is tried: signatures carry the right password, to reach what is behind it."""

import os
from typing import Any

import schemathesis


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:  # noqa: ARG001 - as the library calls it
    """Put the password in."""
    if isinstance(body, dict) and isinstance(body.get("password"), str):
        return {**body, "password": os.environ["PASSWORD"]}
    return body
