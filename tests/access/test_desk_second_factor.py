"""The second factor: asked for once it is set up, no code twice, lost phones, and who may reset it (R3.3)."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pyotp
import pytest
from cryptography.exceptions import InvalidTag

from reelwarden_access.district.desk.second_factor import Sealed, step_of
from reelwarden_access.district.desk.second_factor_office import SecondFactors
from reelwarden_common.errors import Refused
from tests.support.desk import PASSWORD, DeskHouse

WHO = "yu.hua"


@asynccontextmanager
async def somebody(house: DeskHouse, account: str = WHO) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the password was given."""
    async with house.client_of(house.url, {}) as http:
        said = await http.post("/login", data={"id": account, "password": PASSWORD})
        assert said.status_code == 303, said.text
        yield http


async def steps_pass(house: DeskHouse) -> None:
    """The code of this half minute is good again: as if the last one had been used long ago."""
    async with house.database() as database:
        await database.execute("UPDATE access.second_factors SET last_step = 0")


async def enrolled(http: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Set one up; the secret and the recovery codes."""
    begun = await http.post("/second-factor/begin", data={"password": PASSWORD})
    found = re.search(r"<code>([A-Z2-7]{32})</code>", begun.text)
    assert found, begun.text
    assert "<svg" in begun.text
    assert "style=" not in begun.text
    wrong = await http.post("/second-factor/confirm", data={"code": "000000x"})
    assert (wrong.status_code, "验证码不符" in wrong.text) == (422, True)
    done = await http.post("/second-factor/confirm", data={"code": pyotp.TOTP(found[1]).now()})
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", done.text)
    assert len(codes) == 10
    return found[1], codes


async def test_from_setting_it_up_to_losing_the_phone(house: DeskHouse) -> None:
    async with house.client_of(house.url, {}) as before:
        await before.post("/api/session", json={"id": WHO, "password": PASSWORD})
        planted = dict(before.cookies)
        async with somebody(house) as http:
            secret, codes = await enrolled(http)
            assert (await http.get("/api/session")).status_code == 200
            shown = (await http.get("/second-factor")).text
            assert secret not in shown
            assert codes[0] not in shown
        # a session from before has no second factor: it is no session any more
        assert (await before.get("/api/session")).status_code == 401
        assert (await before.get("/second-factor")).headers["location"].startswith("/login")
        again = await before.post("/second-factor/begin", data={"password": PASSWORD})
        assert again.headers["location"].startswith("/login")

    async with somebody(house) as http:
        code = pyotp.TOTP(secret).now()
        assert (await http.get("/")).headers["location"] == "/login"
        asked = await http.get("/login", params={"next": "/keys"})
        assert asked.headers["location"] == "/login/code?next=%2Fkeys"
        used = await http.post("/login/code", data={"code": code})
        assert used.status_code == 401  # it confirmed the set-up: no code counts twice
        assert "已使用过" in used.text
        await steps_pass(house)
        half = dict(http.cookies)
        let_in = await http.post("/login/code", data={"code": pyotp.TOTP(secret).now(), "next": "/keys"})
        assert let_in.headers["location"] == "/keys"
        assert dict(http.cookies) not in (half, planted)
        assert (await http.get("/api/session")).status_code == 200
        # whoever knew the half session has nothing of it
        async with house.client_of(house.url, half) as thief:
            assert (await thief.get("/login/code")).headers["location"].startswith("/login")

    body = {"id": WHO, "password": PASSWORD}
    async with house.client_of(house.url, {}) as http:
        assert (await http.post("/api/session", json=body)).status_code == 401
        recovered = await http.post("/api/session", json=body | {"code": codes[3].upper()})
        assert recovered.status_code == 200
        assert (await http.post("/api/session", json=body | {"code": codes[3]})).status_code == 401
    async with house.database() as database:
        kept = await database.fetchrow(
            "SELECT f.secret, array_agg(r.digest) AS digests FROM access.second_factors f"
            " JOIN access.recovery_codes r USING (actor) JOIN access.people USING (actor)"
            " WHERE account = $1 GROUP BY f.secret",
            WHO,
        )
        assert kept
        assert secret.encode() not in kept["secret"]
        assert len(kept["digests"]) == 9
        assert not set(codes) & set(kept["digests"])

    await reset_by_the_department_alone(house)
    async with somebody(house) as http:
        assert (await http.get("/api/session")).status_code == 200


async def reset_by_the_department_alone(house: DeskHouse) -> None:
    """Not by another school's, a leader, or without a reason; and it is recorded."""
    form = {"account": WHO, "reason": "手机丢失，当面核对", "password": PASSWORD}
    for account, changes, status in (
        ("chen.gang", {}, 403),
        ("luo.min", {}, 403),
        ("he.ping", {"reason": " "}, 422),
        ("he.ping", {"password": "wrong"}, 403),
        ("he.ping", {}, 303),
        ("he.ping", {}, 422),
    ):
        async with house.person(account) as http:
            said = await http.post("/second-factor/reset", data=form | changes)
            assert said.status_code == status, (account, changes, said.text)
    async with house.person("he.ping") as http:
        assert "手机丢失，当面核对" in (await http.get("/second-factor")).text
    async with house.person("chen.gang") as http:
        assert "手机丢失，当面核对" not in (await http.get("/second-factor")).text


async def test_where_it_is_demanded_a_signer_sets_one_up_first(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    factors: SecondFactors = house.http.state.second_factors
    monkeypatch.setattr(factors, "_demand", True)
    async with somebody(house, "feng.ju") as http:
        assert (await http.get("/all")).headers["location"].startswith("/login")
        asked = await http.get("/login/code")
        assert asked.headers["location"] == "/second-factor"
        await enrolled(http)
        assert (await http.get("/all")).status_code == 200
        monkeypatch.undo()
        assert (await http.post("/second-factor/remove", data={"password": PASSWORD})).status_code == 303
    async with somebody(house, "luo.min") as http:
        assert (await http.get("/api/session")).status_code == 200


def test_a_sealed_secret_is_of_one_person_and_one_key() -> None:
    sealed = Sealed("k" * 32).seal("a-1", "SECRET")
    assert Sealed("k" * 32).opened("a-1", sealed) == "SECRET"
    for key, actor in (("k" * 32, "a-2"), ("x" * 32, "a-1")):
        with pytest.raises(Refused, match="RW_SECOND_FACTOR_KEY") as caught:
            Sealed(key).opened(actor, sealed)
        assert isinstance(caught.value.__cause__, InvalidTag)


def test_a_code_counts_for_half_a_minute_and_the_clocks_error() -> None:
    """RFC 6238, appendix B: the last six digits for SHA-1 at 1111111109 s."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    at = datetime.fromtimestamp(1111111109, UTC)
    assert step_of(secret, "081804", at) == 1111111109 // 30
    assert step_of(secret, "081 804", at + timedelta(seconds=30)) == 1111111109 // 30
    assert step_of(secret, "081804", at + timedelta(seconds=61)) is None
    assert step_of(secret, "08180４", at) is None
