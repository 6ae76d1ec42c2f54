"""At the dashboard people sign with keys of their own, too: what was shown, once; refusals are recorded."""

import asyncio
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import httpx

from reelwarden_access.verify import check_own_key
from reelwarden_common.events import report
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.signing import Signature
from tests.report.district import PASSWORD, Index, Voices, district_toml, inspector, signed_in
from tests.report.test_inspector import get, open_kinds, until
from tests.report.test_monthly import said, texts
from tests.support.authenticator import SecurityKey


async def registered(http: httpx.AsyncClient) -> SecurityKey:
    """A new key of whoever is signed in."""
    site = str(http.base_url).rstrip("/")
    key = SecurityKey(site, httpx.URL(site).host)
    begun = (await http.post("/api/keys/options", json={"password": PASSWORD})).json()
    credential = key.register(begun["options"]["challenge"])
    body = {"name": "phone", "nonce": begun["nonce"], "credential": credential}
    answer = await http.post("/api/keys", json=body, headers={"origin": site})
    assert answer.status_code == 204, answer.text
    return key


async def sign(http: httpx.AsyncClient, key: SecurityKey, act: str, digest: str, words: str = "") -> str:
    nonce = (await http.post("/api/keys/nonce", json={})).json()["nonce"]
    return key.sign(nonce, act, digest, words)


async def test_a_report_a_morning_and_the_rules_are_signed_with_keys(
    district_bus: EmbeddedBus,
    report_url: str,
    report_pool: asyncpg.Pool,
    tmp_path: Path,
    voices: Voices,
    index: Index,
) -> None:
    assert index.spans == {}
    async with inspector(district_bus, report_url, district_toml(tmp_path)) as address:
        safety, officer = await asyncio.gather(signed_in(address, "safety"), signed_in(address, "officer"))
        await voices.say("s001", report.SiteAlive(at=datetime.now(UTC), software="0.1.0", plan_version=1))
        key = await registered(safety)
        assert "phone" in (await safety.get("/keys")).text
        made = (await safety.post("/api/inspections", json={"school": "s001", "kind": "daily"})).json()
        page, digest = f"/reports/{made['report']}", made["digest"]
        assert 'data-act="sign_report"' in (await safety.get(f"{page}.html")).text

        async def tried(act: str, shown: str, signed: str = digest) -> int:
            answer = await sign(safety, key, act, signed)
            body = {"digest": shown, "passkey": answer}
            return (await safety.post(f"{page}/sign", data=body)).status_code

        assert await tried("sign_report", "0" * 64, "0" * 64) == 409, "another text"
        for act, other in (("sign_morning", digest), ("sign_report", "0" * 64), ("approve", digest)):
            assert await tried(act, digest, other) == 403
        await until(lambda: open_kinds(safety), lambda kinds: "access-denied" in kinds)
        refused = await report_pool.fetch("SELECT act, rule FROM report.refusal")
        assert [tuple(row) for row in refused] == [("sign_report", "R5.1")] * 3
        assert await tried("sign_report", digest) == 303
        assert await tried("sign_report", digest) == 409, "signed already"
        row = await report_pool.fetchrow("SELECT * FROM report.report_signature")
        kept = Signature.model_validate(dict(row or {})).own_key
        assert kept is not None
        fingerprint = check_own_key(kept, digest, "")
        pdf = (await texts(safety, made["report"], "zh"))["pdf"]
        assert f"以本人密钥{fingerprint[:16]}签名" in said(pdf)

        morning = (await safety.get("/morning/s001")).text
        shown = re.search(r'name="shown" value="([^"]+)"', morning)
        of_page = re.search(r'name="digest" value="([0-9a-f]{64})"', morning)
        assert shown is not None
        assert of_page is not None
        body = {"shown": unescape(shown[1]), "digest": of_page[1]}
        body["passkey"] = await sign(safety, key, "sign_morning", of_page[1])
        signed = await safety.post("/morning/s001", data=body)
        assert signed.status_code == 303
        assert fingerprint[:16] in (await safety.get(f"{signed.headers['location']}?lang=en")).text

        key = await registered(officer)
        await officer.post("/rules/draft", data={"text": "# 第 2 版", "keep_days": "45"})
        draft = re.search(r'name="digest" value="([0-9a-f]{64})"', (await officer.get("/rules/draft")).text)
        assert draft is not None
        today = str(datetime.now(ZoneInfo("Asia/Shanghai")).date())
        body = {"digest": draft[1], "effective": today}
        answer = await sign(officer, key, "publish_rules", draft[1], "2030-01-01")
        assert (await officer.post("/rules/publish", data=body | {"passkey": answer})).status_code == 403
        answer = await sign(officer, key, "publish_rules", draft[1], today)
        assert (await officer.post("/rules/publish", data=body | {"passkey": answer})).status_code == 303
        assert "own, " in (await officer.get("/rules?lang=en")).text
        assert (await get(officer, "/api/rules"))[0]["version"] == 2
        for client in (safety, officer):
            await client.aclose()
