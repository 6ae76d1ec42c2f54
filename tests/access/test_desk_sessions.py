"""Sessions at the desk: who stays signed in, and how long somebody may guess (R3.3)."""

import asyncio
import re
from datetime import timedelta

import asyncpg
import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner

from reelwarden_common.events.access import AccessDenied
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.web import TooOften
from reelwarden_common.web.sessions import SESSION_COOKIE, Sessions
from reelwarden_common.web.sign_ins import TOLD_EVERY, InDatabase, SignInStore
from tests.support.desk import PASSWORD, DeskHouse


async def sign_in(http: httpx.AsyncClient, account: str, password: str = PASSWORD) -> httpx.Response:
    return await http.post("/api/session", json={"id": account, "password": password})


async def who(house: DeskHouse, cookie: str) -> int:
    async with house.client_of(house.url, {SESSION_COOKIE: cookie}) as http:
        return (await http.get("/api/session")).status_code


async def test_an_id_planted_before_the_sign_in_is_not_signed_in_after(house: DeskHouse) -> None:
    async with house.client_of(house.url, {}) as own, house.client_of(house.url, {}) as thief:
        await sign_in(thief, "nobody")
        planted = thief.cookies[SESSION_COOKIE]
        own.cookies.set(SESSION_COOKIE, planted, domain="127.0.0.1", path="/")
        answer = await sign_in(own, "luo.min")
        fresh = answer.cookies[SESSION_COOKIE]
        assert fresh != planted
        assert (await thief.get("/api/session")).json()["id"] == "nobody"
        second = (await sign_in(own, "luo.min")).cookies[SESSION_COOKIE]
        assert second != fresh


async def test_a_copied_cookie_is_worth_nothing_after_signing_out(house: DeskHouse) -> None:
    async with house.client_of(house.url, {}) as http:
        await sign_in(http, "luo.min")
        copied = http.cookies[SESSION_COOKIE]
        assert await who(house, copied) == 200
        await http.delete("/api/session")
    assert await who(house, copied) == 401


async def test_signing_out_everywhere_ends_this_persons_sessions_only(house: DeskHouse) -> None:
    async with (
        house.client_of(house.url, {}) as phone,
        house.client_of(house.url, {}) as desk,
        house.client_of(house.url, {}) as other,
    ):
        for http, account in ((phone, "luo.min"), (desk, "luo.min"), (other, "nobody")):
            await sign_in(http, account)
        house.sessions.pop("luo.min", None)  # of other tests: it is over, too
        said = await desk.post("/logout/everywhere")
        assert said.headers["location"] == "/login"
        assert (await phone.get("/api/session")).status_code == 401
        assert (await other.get("/api/session")).status_code == 200
        assert (await sign_in(phone, "luo.min")).status_code == 200
        assert (await phone.get("/api/session")).status_code == 200


async def test_a_session_where_nobody_was_is_over_and_one_in_use_goes_on(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the cookie's signature is moved; the absolute end stays where it is."""
    sessions: Sessions = house.http.state.web.sessions
    real = TimestampSigner.get_timestamp
    idle = int(house.settings.session_idle_minutes * 60)

    def later(seconds: int) -> None:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: real(self) + seconds)

    async with house.client_of(house.url, {}) as http:
        await sign_in(http, "luo.min")
        first = http.cookies[SESSION_COOKIE]
        later(-2 * 60)
        old = sessions._serializer.dumps(sessions._serializer.loads(first))
        monkeypatch.undo()
        http.cookies.clear()
        http.cookies.set(SESSION_COOKIE, old, domain="127.0.0.1", path="/")
        by_itself = await http.get("/api/session", headers={"X-By-Itself": "1"})
        assert (by_itself.status_code, "set-cookie" in by_itself.headers) == (200, False)
        renewed = (await http.get("/api/session")).headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(renewed.split("; "))
        http.cookies.clear()
    again = re.match(rf"{SESSION_COOKIE}=([^;]+)", renewed)
    assert again
    key = house.settings.session_key.get_secret_value()
    plain = URLSafeTimedSerializer(key, salt="reelwarden.session.v2")
    assert plain.loads(again[1]) == plain.loads(first)
    later(idle + 60)
    assert await who(house, again[1]) == 401
    monkeypatch.undo()
    account, stamp, session, opened, second = plain.loads(first)
    too_long = timedelta(hours=house.settings.session_hours, minutes=1).total_seconds()
    assert await who(house, str(plain.dumps([account, stamp, session, opened - too_long, second]))) == 401


async def hour_passes(database: asyncpg.Connection) -> None:
    await database.execute("UPDATE access.sign_in_tries SET last_at = last_at - interval '1 hour'")


async def test_wrong_passwords_close_an_account_at_every_replica_and_for_a_time(house: DeskHouse) -> None:
    """Counted where all replicas read it; told to the safety department; no reason to keep anybody out."""
    async with house.client_of(house.url, {}) as http, house.database() as database:
        before = len([e for e in house.said(AccessDenied) if e.act == "sign_in"])
        for _ in range(TOLD_EVERY):
            await hour_passes(database)
            assert (await sign_in(http, "luo.min", "wrong")).status_code == 401
        waits = await sign_in(http, "luo.min")
        assert waits.status_code == 429
        assert 0 < int(waits.headers["retry-after"]) <= 60
        page = await http.post("/login", data={"id": "luo.min", "password": PASSWORD})
        assert (page.status_code, "秒后再试" in page.text) == (429, True)
        pool = await open_pool(house.settings.database_url.get_secret_value(), "access")
        replica = InDatabase(PgUnits(pool, "desk", lambda conn: SignInStore("desk", conn)))
        with pytest.raises(TooOften):
            await replica.check("sign-in:luo.min")
        await replica.check("act:luo.min")  # whoever is signed in already may go on signing
        await pool.close()
        for _ in range(600):
            said = [e for e in house.said(AccessDenied) if e.act == "sign_in"]
            if len(said) > before:
                break
            await asyncio.sleep(0.1)
        assert len(said) == before + 1
        assert (said[-1].slip, said[-1].rule) == (False, "R3.3")
        rows = await database.fetch(
            "SELECT account FROM access.sign_in_tries UNION SELECT code FROM access.denials"
        )
        assert "guessed_at" in {row[0] for row in rows}
        assert not any("luo.min" in row[0] for row in rows)
        await hour_passes(database)
        assert (await sign_in(http, "luo.min")).status_code == 200
