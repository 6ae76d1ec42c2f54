"""How long what is sent may be: nobody fills a disk or a memory with a form, signed in or not."""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwarden_common.web.refusals import Wrong
from reelwarden_common.web.text import N_, Text

MOST_BYTES = 2_000_000
"""Of a body; where files are sent, the role says how many more."""


class BodyLimit:
    """Counts what is sent, and stops reading where it is too much.

    Args:
        app: What is called inside.
        longer: Most bytes by the pattern of a path that takes files.
    """

    def __init__(self, app: ASGIApp, longer: Mapping[str, int]) -> None:
        self._app = app
        self._longer = [(re.compile(pattern), most) for pattern, most in longer.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, size = scope["path"], 0
        most = next((most for pattern, most in self._longer if pattern.fullmatch(path)), MOST_BYTES)

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                text = Text(N_("What was sent is too large: at most %(most)s MB."), most=most // 1_000_000)
                raise Wrong("too_large", text, status=413)
            return message

        await self._app(scope, counted, send)
