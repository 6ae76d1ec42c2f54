"""Every signed act takes the signer's own key: over what was shown, over what was written, and once."""

import hashlib
import re

import httpx
import pytest
import pytest_asyncio
import rfc8785

from reelwarden_access import verify
from reelwarden_common.events.access import AccessDenied
from reelwarden_common.web.signing import statement as common
from reelwarden_common.web.signing.statement import in_lines
from tests.access.test_desk_extensions import day
from tests.access.test_desk_extensions import form as extension_form
from tests.access.test_desk_keys import nonce, registered
from tests.support.authenticator import SecurityKey
from tests.support.desk import PASSWORD, POLICE, DeskHouse
from tests.support.papers import picture


def test_services_and_the_verifier_know_one_statement() -> None:
    for words in ("", " 同意\r\n仅限查看 ", "recipient: 张警官\nmedium: "):
        asked = ("release", "0" * 64, words, "n1")
        assert common.statement(*asked) == verify.statement(*asked)
    key = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AQ"}
    assert common.key_fingerprint(key) == verify.key_fingerprint(key)


async def signed(
    house: DeskHouse, account: str, key: SecurityKey, act: str, digest: str, words: str = ""
) -> str:
    return key.sign(await nonce(house, account), act, digest, words)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_application_is_filed_with_ones_own_key(house: DeskHouse) -> None:
    key = await registered(house, "wang.fang")
    body = house.filing()
    page = {name: body[name] for name in ("start", "end", "manner", "reason")}
    page |= {"cameras": "s001/gate", "undertaking": "on"}
    async with house.person("wang.fang") as http:
        blank = await http.get("/apply", follow_redirects=True)
        prepare = re.search(r'data-prepare="([^"]+)"', blank.text)
        assert prepare is not None
        where = str(blank.url)
        nothing = await http.post(prepare[1], data=page | {"reason": ""})
        assert (nothing.status_code, "事由" in nothing.json()["problem"]) == (422, True)
        digest = (await http.post(prepare[1], data=page)).json()["digest"]
        answer = await signed(house, "wang.fang", key, "file", digest)
        changed = await http.post(
            where, data=page | {"reason": "另一事由", "digest": digest, "passkey": answer}
        )
        assert changed.status_code == 409
        assert "此表已不是您所看到的内容" in changed.text
        answer = await signed(house, "wang.fang", key, "file", digest)
        filed = await http.post(where, data=page | {"digest": digest, "passkey": answer})
        assert filed.status_code == 303, filed.text
    shown = await house.show(filed.headers["location"].rpartition("/")[2])
    applicant = shown["signatures"][0]
    assert applicant["capacity"] == "applicant"
    form = rfc8785.dumps(shown["form"])
    plain = applicant | {"passkey": applicant["own_key"]}
    whole = hashlib.sha256(form).hexdigest()
    assert verify.check_form_signature(plain, whole, verify.digest_as_written(form))
    other = rfc8785.dumps(shown["form"] | {"reason": "另一事由"})
    with pytest.raises(ValueError, match="something else"):
        verify.check_form_signature(plain, whole, verify.digest_as_written(other))


async def test_files_are_added_with_ones_own_key(house: DeskHouse) -> None:
    key = await registered(house, "sun.wei")
    filed = await house.file("sun.wei")
    path = f"/applications/{filed}/attach"
    async with house.person("sun.wei") as http:
        nothing = await http.post(f"{path}/to-sign")
        assert nothing.status_code == 422, "no file waits"
        sent = [("files", ("介绍信.png", picture(), "image/png"))]
        digest = (await http.post(f"{path}/to-sign", files=sent)).json()["digest"]
        wrong = await signed(house, "sun.wei", key, "file", digest)
        refused = await http.post(path, data={"digest": digest, "passkey": wrong})
        assert refused.status_code == 403
        answer = await signed(house, "sun.wei", key, "attach", digest)
        added = await http.post(path, data={"digest": digest, "passkey": answer})
    assert added.status_code == 303, added.text
    shown = await house.show(filed)
    form, applicant = rfc8785.dumps(shown["form"]), shown["signatures"][0]
    plain = applicant | {"passkey": applicant["own_key"]}
    digest = hashlib.sha256(form).hexdigest()
    assert verify.check_form_signature(plain, digest, verify.digest_as_written(form))
    async with house.person("nobody") as http:
        assert (await http.post(f"{path}/to-sign", files=sent)).status_code == 403


async def test_an_extension_is_filed_granted_and_reviewed_with_keys(house: DeskHouse) -> None:
    applicant, officer = await registered(house, "sun.wei"), await registered(house, "chen.gang")
    form = extension_form(source="case", case_number="12", id=hashlib.md5(b"e" + applicant.id).hexdigest())
    page = {k: v for k, v in form.items() if k not in ("password", "cameras", "school", "id")}
    page |= {"cameras": "s001/gate"}
    async with house.person("sun.wei") as http:
        digest = (await http.post(f"/extend/to-sign?form={form['id']}", data=page)).json()["digest"]
        answer = await signed(house, "sun.wei", applicant, "extend", digest)
        filed = await http.post(
            f"/extend?form={form['id']}", data=page | {"digest": digest, "passkey": answer}
        )
    assert filed.status_code == 303, filed.text
    path = f"/api/extensions/{form['id']}"
    digest = (await house.ask("chen.gang", "GET", path)).json()["digest"]
    grant = {"digest": digest, "opinion": "同意"}
    wrong = await signed(house, "chen.gang", officer, "refuse", digest, "同意")
    answered = await house.ask("chen.gang", "POST", f"{path}/approve", grant | {"passkey": wrong})
    assert code(answered) == (403, "wrong_key")
    right = await signed(house, "chen.gang", officer, "grant", digest, "同意")
    await house.do("chen.gang", f"{path}/approve", grant | {"passkey": right})
    until = day(85)
    renew = {"digest": digest, "opinion": "案件未结", "until": until}
    words = in_lines(until=until, opinion="案件未结")
    answer = await signed(house, "chen.gang", officer, "review", digest, words)
    later = await house.ask(
        "chen.gang", "POST", f"{path}/review", renew | {"until": day(88), "passkey": answer}
    )
    assert code(later) == (403, "wrong_key")
    answer = await signed(house, "chen.gang", officer, "review", digest, words)
    await house.do("chen.gang", f"{path}/review", renew | {"passkey": answer})
    shown = (await house.ask("chen.gang", "GET", path)).json()
    assert [bool(one["own_key"]) for one in shown["signatures"]] == [True, True, True]


@pytest_asyncio.fixture(loop_scope="session")
async def application(house: DeskHouse) -> str:
    """A copy for the police, ready and supervised."""
    filed = await house.file("wu.qian", **POLICE)
    await house.ready(
        filed, "li.lei", "han.mei", files={"view/gate.mp4": b"v", "digests.json": b'{"files": []}'}
    )
    await house.do("chen.gang", f"/api/applications/{filed}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    return filed


async def test_a_copy_is_released_and_declared_with_keys(house: DeskHouse, application: str) -> None:
    key, path = await registered(house, "zhou.jie"), f"/api/applications/{application}"
    digest = (await house.show(application, "zhou.jie"))["to_sign"]["release"]
    handing = {"recipient": "张警官", "medium": "USB 0421"}
    words = in_lines(**handing)

    async def release(act: str = "release", **changes: str) -> httpx.Response:
        answer = await signed(house, "zhou.jie", key, act, changes.get("digest", digest), words)
        body = {"digest": digest, "passkey": answer, **handing, **changes}
        return await house.ask("zhou.jie", "POST", f"{path}/release", body)

    assert code(await release("approve")) == (403, "wrong_key")
    assert code(await release(medium="USB 9")) == (403, "wrong_key")
    assert code(await release(digest="")) == (409, "other_form")
    assert code(await release(digest="0" * 64)) == (409, "other_form")
    answer = await release()
    assert answer.is_success, answer.text
    denied = await house.until_said(AccessDenied, application, 2)
    assert {(one.act, one.rule) for one in denied} == {("release", "R4.2")}

    reception = await registered(house, "wu.qian")
    filled = await house.do("zhou.jie", f"{path}/record", {"content": "一人翻墙", "outcome": "交警方"})
    for account in ("zhou.jie", "chen.gang", "wu.qian"):
        await house.do(account, f"{path}/record/sign", {"digest": filled["digest"], "password": PASSWORD})
    digest = (await house.show(application, "wu.qian"))["to_sign"]["declare"]
    declaring = {"declaration": "destroyed", "note": ""}
    words = in_lines(**declaring)
    proof = await signed(house, "wu.qian", reception, "declare", digest, words)
    lie = {"digest": digest, "passkey": proof, "declaration": "returned"}
    assert code(await house.ask("wu.qian", "POST", f"{path}/declaration", lie)) == (403, "wrong_key")
    proof = await signed(house, "wu.qian", reception, "declare", digest, words)
    await house.do("wu.qian", f"{path}/declaration", declaring | {"digest": digest, "passkey": proof})
    again = declaring | {"digest": digest, "passkey": proof}
    assert code(await house.ask("wu.qian", "POST", f"{path}/declaration", again)) == (403, "wrong_key")
    acts = (await house.show(application))["acts"]
    assert [one["act"] for one in acts] == ["release", "declare"]
    for one in acts:
        assert hashlib.sha256(rfc8785.dumps(one["shown"])).hexdigest() == one["digest"]
    page = (await house.ask("zheng.yu", "GET", f"/applications/{application}")).text
    assert page.count("本人密钥") == 2


async def test_pages_carry_the_digest_of_what_they_show(house: DeskHouse, application: str) -> None:
    await registered(house, "zhou.jie")
    page = (await house.ask("zhou.jie", "GET", f"/applications/{application}")).text
    digest = (await house.show(application, "zhou.jie"))["to_sign"]["release"]
    assert f'name="digest" value="{digest}"' in page
    assert 'data-act="release" data-words="recipient medium"' in page
    stale = {"digest": "0" * 64, "recipient": "张警官", "password": PASSWORD}
    async with house.person("zhou.jie") as http:
        refused = await http.post(f"/applications/{application}/release", data=stale)
    assert refused.status_code == 409
    assert "请重新打开" in refused.text
