"""Signing in with the district's account, at a real OpenID provider; and what its tokens must be (R3.3)."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from reelwarden_common.district import Oidc
from reelwarden_common.web import Web
from reelwarden_common.web.oidc import NotAccepted, Provider, account_of, checked
from reelwarden_common.web.sessions import SESSION_COOKIE
from reelwarden_local.servers import free_port
from tests.support.authenticator import SecurityKey
from tests.support.desk import DeskHouse
from tests.support.oidc import provider, use


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as found:
        yield found


@pytest.fixture
def web(house: DeskHouse, issuer: str, monkeypatch: pytest.MonkeyPatch) -> Web:
    return use(house, issuer, monkeypatch)


async def at_service(where: str, sub: str) -> str:
    """Somebody signs in at the service; where it sends the browser back to."""
    async with httpx.AsyncClient(timeout=30) as browser:
        said = await browser.post(where, data={"sub": sub})
    assert said.status_code == 302, said.text
    return said.headers["location"]


@asynccontextmanager
async def browser(house: DeskHouse) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client_of(house.url, {}) as http:
        yield http


async def begun(http: httpx.AsyncClient, **query: str) -> str:
    said = await http.get("/login/oidc", params=query)
    assert said.status_code == 303, said.text
    return said.headers["location"]


async def signed_in(http: httpx.AsyncClient, sub: str, **query: str) -> httpx.Response:
    return await http.get(await at_service(await begun(http, **query), sub))


@pytest.mark.usefixtures("web")
async def test_roles_come_from_claims_and_the_account_stays_the_same(house: DeskHouse, issuer: str) -> None:
    accounts = set()
    for _ in range(2):
        async with browser(house) as http:
            assert "/login/oidc?next=%2Fkeys" in (await http.get("/login", params={"next": "/keys"})).text
            where = await begun(http, next="/keys")
            asked = parse_qs(urlsplit(where).query)
            assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
            done = await http.get(await at_service(where, "u-1"))
            assert done.status_code == 200, done.text
            assert 'content="0;url=/keys"' in done.text
            assert "rw_oidc" not in http.cookies
            shown = (await http.get("/api/session")).json()
            accounts.add(shown.pop("id"))
            assert shown == {
                "name": "林校长",
                "unit": "校长室",
                "roles": [{"school": "s001", "role": "leader"}],
            }
            assert (await http.get("/all")).status_code == 200
    assert accounts == {account_of(issuer, "u-1")}
    async with house.person("li.lei") as beside:
        assert (await beside.get("/api/session")).status_code == 200


@pytest.mark.usefixtures("web")
async def test_without_a_role_somebody_is_told_what_to_do(house: DeskHouse) -> None:
    async with browser(house) as http:
        said = await signed_in(http, "u-2")
        assert (said.status_code, SESSION_COOKIE in http.cookies) == (403, False)
        assert "没有任何角色" in said.text
        assert "no role here" in (await signed_in_english(http, "u-2")).text


async def signed_in_english(http: httpx.AsyncClient, sub: str) -> httpx.Response:
    http.cookies.set("rw_lang", "en")
    where = await at_service(await begun(http), sub)
    return await http.get(where + "&lang=en")


@pytest.mark.usefixtures("web")
async def test_an_answer_that_fits_no_sign_in_of_this_browser_is_refused(house: DeskHouse) -> None:
    async with browser(house) as http, browser(house) as other:
        where = await begun(http)
        back = await at_service(where, "u-1")
        nonce = parse_qs(urlsplit(where).query)["nonce"][0]
        await begun(other)
        wrong = [
            (other, back),  # begun in another browser
            (http, re.sub(r"state=[^&]+", "state=x", back)),
            (http, re.sub(r"code=[^&]+", "code=x", back)),
            (http, await at_service(where.replace(nonce, "another"), "u-1")),
            (http, await at_service(where.replace("client_id=reelwarden", "client_id=other"), "u-1")),
            (http, re.sub(r"code=[^&]+", "error=access_denied", back)),
        ]
        for who, address in wrong:
            said = await who.get(address)
            assert (said.status_code, "本次登录未被接受" in said.text) == (403, True), address
            assert SESSION_COOKIE not in who.cookies


async def test_a_service_that_is_away_is_told(
    house: DeskHouse, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Provider(f"http://127.0.0.1:{free_port()}", "reelwarden", "", "openid", Oidc())
    monkeypatch.setattr(web, "oidc", gone)
    async with browser(house) as http:
        said = await http.get("/login/oidc")
        assert (said.status_code, "没有响应" in said.text) == (503, True)
    monkeypatch.setattr(web, "oidc", None)
    async with browser(house) as http:
        assert (await http.get("/login/oidc")).status_code == 404
        assert "/login/oidc" not in (await http.get("/login")).text


@pytest.mark.usefixtures("web")
async def test_the_second_factor_of_the_service_counts_and_a_missing_one_is_asked_for(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.http.state.second_factors, "_demand", True)
    for sub, status in (("u-3", 200), ("u-1", 401)):
        async with browser(house) as http:
            assert (await signed_in(http, sub)).status_code == 200
            assert (await http.get("/api/session")).status_code == status
    async with browser(house) as http:
        await signed_in(http, "u-1")
        assert (await http.get("/login")).headers["location"].startswith("/login/code")
        page = await http.get("/second-factor")
        assert "fresh=true" in page.text
        begun_there = await http.post("/second-factor/begin")
        assert "<svg" in begun_there.text, begun_there.text


async def test_a_key_needs_a_fresh_sign_in_and_no_password_signs(
    house: DeskHouse, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await house.file()
    digest = (await house.show(application))["digest"]
    async with browser(house) as http:
        await signed_in(http, "u-1", fresh="true")
        asked = await http.post("/api/keys/options", json={"password": ""})
        assert asked.status_code == 200, asked.text
        body = {"digest": digest, "opinion": "同意", "password": "guess"}
        said = await http.post(f"/api/applications/{application}/approve", json=body)
        assert (said.status_code, "/keys" in said.text) == (403, True)
        own = SecurityKey(house.url, httpx.URL(house.url).host)
        made = own.register(asked.json()["options"]["challenge"])
        new = {"name": "phone", "nonce": asked.json()["nonce"], "credential": made}
        kept_key = await http.post("/api/keys", json=new, headers={"origin": house.url})
        assert kept_key.status_code == 204, kept_key.text
        nonce = (await http.post("/api/keys/nonce")).json()["nonce"]
        body |= {"password": "", "passkey": own.sign(nonce, "approve", digest, "同意")}
        signed = await http.post(f"/api/applications/{application}/approve", json=body)
        assert signed.is_success, signed.text
        assert (await house.show(application))["status"] == "approved"
        kept = web.sessions._serializer.loads(http.cookies[SESSION_COOKIE])
        kept[-1] -= 301
        http.cookies.clear()
        http.cookies.set(SESSION_COOKIE, str(web.sessions._serializer.dumps(kept)))
        assert (await http.get("/api/session")).status_code == 200
        assert (await http.post("/api/keys/options", json={"password": ""})).status_code == 403
        # with another meaning of the claims, the session is over
        monkeypatch.setattr(web.people, "_rules_stamp", "another")
        assert (await http.get("/api/session")).status_code == 401


KEY = RSAKey.generate_key(2048, {"kid": "1"})
TOKEN = {"iss": "https://id.example", "aud": "rw", "sub": "u", "nonce": "n", "iat": 0, "exp": 0}


def token(key: RSAKey = KEY, algorithm: str = "RS256", **changes: object) -> str:
    now = int(time.time())
    claims = TOKEN | {"iat": now, "exp": now + 60} | changes
    return jwt.encode({"alg": algorithm, "kid": "1"}, {k: v for k, v in claims.items() if v is not None}, key)


@pytest.mark.parametrize(
    "given",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"aud": ["rw", "other"]},
        {"azp": "other"},
        {"nonce": "m"},
        {"nonce": None},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"sub": None},
        {"key": RSAKey.generate_key(2048, {"kid": "1"})},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(given: dict[str, Any]) -> None:
    keys = KeySet([KEY]).as_dict(private=False)
    assert checked(token(), keys, "https://id.example", "rw", "n")["sub"] == "u"
    with pytest.raises(NotAccepted):
        checked(token(**given), keys, "https://id.example", "rw", "n")
    with pytest.raises(NotAccepted):
        checked("e30.e30.", keys, "https://id.example", "rw", "n")
