"""The people of the story at their browsers: each a session of their own at desk and dashboard."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

import httpx

from reelwarden_local.demo.story import StoryError
from reelwarden_local.words import Words, language


class Someone:
    """One person, logged in; answers are JSON."""

    def __init__(self, name: str, password: str, clients: Mapping[str, httpx.AsyncClient]) -> None:
        self.name = name
        self.password = password
        self._clients = clients

    async def ask(self, method: str, path: str, *, at: str = "desk", **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """One request as this person; whatever the answer, it is returned."""
        return await self._clients[at].request(method, path, **request)

    async def get(self, path: str, *, at: str = "desk") -> Any:  # noqa: ANN401 - JSON
        """Read something that must be there.

        Raises:
            StoryError: it was refused, with the answer's text.
        """
        return self._accepted("GET", path, await self.ask("GET", path, at=at))

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, at: str = "desk") -> Any:  # noqa: ANN401 - JSON
        """Do something that must succeed.

        Raises:
            StoryError: it was refused, with the answer's text.
        """
        return self._accepted("POST", path, await self.ask("POST", path, at=at, json=body or {}))

    def _accepted(self, method: str, path: str, answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
        if answer.is_error:
            told = f"{method} {path} → {answer.status_code} {answer.text[:300]}"
            raise StoryError(Words(f"{self.name} 的请求被拒绝：{told}", f"{self.name} was refused: {told}"))
        return answer.json() if answer.content else None


class People:
    """Everybody who acts in the story."""

    def __init__(self, desk: str, dashboard: str, password: str) -> None:
        self._bases = {"desk": desk, "dashboard": dashboard}
        self._password = password
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def enter(self, name: str) -> Someone:
        """Log a person in at both."""
        clients = {}
        for where, base in self._bases.items():
            client = httpx.AsyncClient(
                base_url=base,
                timeout=20,
                trust_env=False,
                headers={"origin": base, "accept-language": language()},
            )
            clients[where] = await self._stack.enter_async_context(client)
            answer = await client.post("/api/session", json={"id": name, "password": self._password})
            if answer.is_error:
                told = f"{base} → {answer.status_code} {answer.text[:200]}"
                raise StoryError(Words(f"{name} 不能登录：{told}", f"{name} cannot log in: {told}"))
        return Someone(name, self._password, clients)
