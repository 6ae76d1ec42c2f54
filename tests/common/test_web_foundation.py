"""What desk and dashboard build on: sessions, the delay after wrong passwords, guards, headers, errors."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from fastapi import Depends, FastAPI
from pydantic import SecretStr, ValidationError
from starlette.datastructures import Headers

from reelwarden_common import district
from reelwarden_common.district import DistrictConfig
from reelwarden_common.errors import Transient
from reelwarden_common.web import (
    MaybePerson,
    Person,
    PersonRole,
    Section,
    SignedIn,
    TooOften,
    Web,
    WebSettings,
    require,
)
from reelwarden_common.web.people import People
from reelwarden_common.web.security import from_elsewhere
from reelwarden_common.web.sessions import somebody_there
from reelwarden_common.web.sign_in import local_path
from reelwarden_common.web.sign_ins import LONGEST_WAIT, InMemory

PACKAGE = "reelwarden_common.web"
KEY = "a key of at least 32 characters, for tests"
LOOPBACK = "http://127.0.0.1:8000"


def toml(password: str = "secret") -> str:
    hashed = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(password)
    return f"""
[district]
name = "示范区教育局"
[[schools]]
id = "s001"
name = "第一小学"
storage = "s001"
[[people]]
id = "wang.fang"
name = "王芳"
unit = "三年级组"
password_hash = "{hashed}"
roles = ["s001:applicant"]
[[people]]
id = "feng.ju"
name = "冯局"
password_hash = "{hashed}"
roles = ["district:district_officer"]
"""


def load(folder: Path, text: str) -> DistrictConfig:
    (folder / "district.toml").write_text(text, encoding="utf-8")
    return district.load(folder / "district.toml")


def make_app(config: DistrictConfig, **settings: Any) -> FastAPI:
    """An application with a few routes of its own."""
    chosen = WebSettings(session_key=SecretStr(KEY), **settings)
    web = Web(chosen, config, PACKAGE, [Section("/officers", "Desk", (PersonRole.DISTRICT_OFFICER,))], "Desk")
    app = web.make_app("0")

    @app.get("/me")
    async def me(person: SignedIn) -> str:
        return person.name

    @app.get("/maybe")
    async def maybe(person: MaybePerson) -> str:
        return person.name if person else "nobody"

    @app.get("/officers")
    @app.get("/api/officers")
    async def officers(
        person: Annotated[Person, Depends(require(PersonRole.DISTRICT_OFFICER))],
    ) -> str:
        return person.id

    @app.get("/fault")
    @app.get("/api/fault")
    async def fault() -> None:
        raise RuntimeError("the database password is hunter2")

    @app.get("/api/away")
    async def away() -> None:
        raise Transient("database: gone")

    return app


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return make_app(load(tmp_path, toml()))


def client(app: FastAPI, base: str = LOOPBACK, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, **options)


@pytest_asyncio.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app) as opened:
        yield opened


async def sign_in(
    http: httpx.AsyncClient, account: str = "wang.fang", password: str = "secret"
) -> httpx.Response:
    return await http.post("/api/session", json={"id": account, "password": password})


async def test_one_sign_in_serves_every_role_with_the_same_key(app: FastAPI, tmp_path: Path) -> None:
    other = make_app(district.load(tmp_path / "district.toml"))
    async with client(app) as desk, client(other) as dashboard:
        answer = await sign_in(desk)
        assert answer.json()["roles"] == [{"school": "s001", "role": "applicant"}]
        dashboard.cookies = desk.cookies
        assert (await dashboard.get("/me")).json() == "王芳"


async def test_the_cookie_is_kept_from_scripts_and_other_sites(app: FastAPI, http: httpx.AsyncClient) -> None:
    cookie = (await sign_in(http)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    async with client(app, "http://desk.example") as outside:
        assert "Secure" in (await sign_in(outside)).headers["set-cookie"]


async def test_a_session_ends(app: FastAPI, tmp_path: Path) -> None:
    config = district.load(tmp_path / "district.toml")
    forged = make_app(config)
    forged.state.web = Web(WebSettings(session_key=SecretStr("x" * 32)), config, PACKAGE, [], "Desk")
    changed = make_app(load(tmp_path, toml("another password")))
    async with client(app) as http:
        await sign_in(http)
        for elsewhere in (forged, changed):
            async with client(elsewhere, cookies=http.cookies) as other:
                assert (await other.get("/maybe")).json() == "nobody"
        for value in ("", "x", "W10.x.y"):
            async with client(app, cookies={"rw_session": value}) as other:
                assert (await other.get("/maybe")).json() == "nobody"
        await http.delete("/api/session")
        assert (await http.get("/maybe")).json() == "nobody"


async def test_a_session_expires(tmp_path: Path) -> None:
    app = make_app(load(tmp_path, toml()), session_hours=1e-9)
    async with client(app) as http:
        answer = await sign_in(http)
        value = answer.headers["set-cookie"].split(";")[0].split("=", 1)[1]
        async with client(app, cookies={"rw_session": value}) as later:
            assert (await later.get("/api/session")).status_code in (200, 401)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 32"):
        WebSettings(session_key=SecretStr("short"))


async def test_guards(http: httpx.AsyncClient) -> None:
    assert (await http.get("/me")).headers["location"] == "/login?next=%2Fme"
    assert (await http.get("/api/officers")).json()["error"]["code"] == "not_signed_in"
    await sign_in(http)
    refused = await http.get("/api/officers")
    assert (refused.status_code, refused.json()["error"]["rule"]) == (403, "R3.3")
    page = await http.get("/officers")
    assert (page.status_code, "您的账号无权进行此操作。" in page.text) == (403, True)
    await sign_in(http, "feng.ju")
    assert (await http.get("/officers")).json() == "feng.ju"


async def test_district_roles_count_at_every_school(tmp_path: Path) -> None:
    people = People(load(tmp_path, toml()).people)
    officer, teacher = people.find("feng.ju"), people.find("wang.fang")
    assert officer is not None
    assert teacher is not None
    assert officer.holds("s001", PersonRole.DISTRICT_OFFICER)
    assert teacher.holds("s001", PersonRole.APPLICANT)
    assert not teacher.holds("s002", PersonRole.APPLICANT)
    assert officer.roles_at("s001") == (PersonRole.DISTRICT_OFFICER,)


async def test_wrong_passwords_cost_time_for_that_account_only(http: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await sign_in(http, password="wrong")).status_code == 401
    waiting = await sign_in(http)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "1")
    assert (await sign_in(http, "feng.ju")).status_code == 200
    unknown = [await sign_in(http, "nobody.here") for _ in range(4)]
    assert [answer.status_code for answer in unknown] == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("account", "password", "mend"),
    [
        ("wang.fang", "wrong", "password"),
        ("", "wrong", "id"),
        ("x" * 64, "p", "password"),
        ("x", "p" * 201, "password"),
    ],
)
async def test_a_refused_sign_in_leads_to_the_field_to_mend(
    http: httpx.AsyncClient, account: str, password: str, mend: str
) -> None:
    """The focus is where something is to be mended, and the message belongs to the fields."""
    page = await http.post("/login", data={"id": account, "password": password})
    assert page.status_code == 401
    assert '<p class="notice bad" role="alert" id="problem">账号或密码错误。</p>' in page.text
    fields = dict(re.findall(r'<input name="(\w+)"([^>]*)>', page.text))
    assert [name for name, rest in fields.items() if "autofocus" in rest] == [mend]
    assert all('aria-invalid="true" aria-describedby="problem"' in rest for rest in fields.values())
    assert password not in page.text or password == "p"
    fresh = (await http.get("/login")).text
    assert ("aria-invalid" in fresh, fresh.count("autofocus")) == (False, 1)


async def test_the_delay_grows_and_is_bounded() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    tries = InMemory(lambda: now)
    waits = []
    for _ in range(15):
        await tries.failed("a")
        try:
            await tries.check("a")
            waits.append(0)
        except TooOften as wait:
            waits.append(wait.seconds - 1)
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    now += LONGEST_WAIT
    await tries.check("a")
    await tries.passed("a")
    await tries.failed("a")
    await tries.check("a")


_BROWSER = {"sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("method", "headers", "there"),
    [
        ("GET", {}, True),
        ("GET", _BROWSER | {"sec-fetch-user": "?1"}, True),
        ("GET", _BROWSER, False),
        ("POST", _BROWSER, True),
        ("GET", {"sec-fetch-dest": "empty"}, True),
        ("GET", {"sec-fetch-dest": "empty", "x-by-itself": "1"}, False),
        ("GET", {"sec-fetch-dest": "empty", "accept": "text/event-stream"}, False),
        ("GET", {"sec-fetch-dest": "image"}, False),
    ],
)
def test_a_page_that_renews_itself_is_nobody(method: str, headers: dict[str, str], *, there: bool) -> None:
    assert somebody_there(method, Headers(headers)) is there


@pytest.mark.parametrize(
    ("method", "headers", "foreign"),
    [
        ("GET", {"origin": "https://evil.example", "host": "desk"}, False),
        ("POST", {"origin": "https://evil.example", "host": "desk"}, True),
        ("POST", {"origin": "null", "host": "desk"}, True),
        ("POST", {"origin": "https://desk", "host": "desk"}, False),
        ("POST", {"origin": "http://desk:81", "host": "desk:80"}, True),
        ("DELETE", {"sec-fetch-site": "same-site", "host": "desk"}, True),
        ("POST", {"sec-fetch-site": "same-origin", "host": "desk"}, False),
        ("POST", {"host": "desk"}, False),
    ],
)
def test_requests_that_other_sites_make(method: str, headers: dict[str, str], *, foreign: bool) -> None:
    assert from_elsewhere(method, Headers(headers)) is foreign


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb"])
def test_after_signing_in_nobody_is_sent_away(wanted: str) -> None:
    assert local_path(wanted) == "/"
    assert local_path("/applications/1?lang=en") == "/applications/1?lang=en"


async def test_faults_show_a_number_and_nothing_else(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await http.get("/fault")
    error = (await http.get("/api/fault")).json()["error"]
    assert (page.status_code, error["code"]) == (500, "fault")
    for text in (page.text, str(error)):
        assert "hunter2" not in text
        assert "Traceback" not in text
    number = error["message"].rsplit("：", 1)[1]
    assert number in capsys.readouterr().out
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_what_is_away_asks_to_try_again(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/away")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "away")


async def test_a_malformed_request_names_the_field(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/session", json={"id": "wang.fang"})
    assert answer.status_code == 422
    assert "password" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "zh"),
        ("", "fr,de;q=0.8", "zh"),
        ("", "en-GB,en;q=0.9", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en;q=0.5,zh-TW;q=0.6", "zh"),
        ("", "en;q=x", "zh"),
        ("?lang=en", "zh", "en"),
        ("?lang=xx", "", "zh"),
    ],
)
async def test_chinese_unless_english_is_wanted(
    http: httpx.AsyncClient, query: str, header: str, language: str
) -> None:
    page = await http.get(f"/login{query}", headers={"accept-language": header})
    assert page.headers["content-language"] == language
    assert ("登录" in page.text) is (language == "zh")


async def test_the_language_chosen_is_remembered(http: httpx.AsyncClient) -> None:
    await http.get("/login?lang=en")
    assert "Sign in" in (await http.get("/login", headers={"accept-language": "zh"})).text


async def test_static_files_and_pages_carry_their_headers(http: httpx.AsyncClient) -> None:
    css = await http.get("/web/site.css")
    assert (css.status_code, css.headers["cache-control"]) == (200, "max-age=300")
    page = await http.get("/login")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await http.get("/web/../app.py")).status_code == 404
