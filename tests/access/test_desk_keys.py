"""A signature by one's own key: of this form, this act, this opinion, once; and it can be checked offline."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import rsa

from reelwarden_access import verify
from reelwarden_access.district.desk.package import PackageParts, build_package
from reelwarden_access.district.desk.to_sign import digest_of_form
from reelwarden_common.events.access import Manner
from reelwarden_common.events.report import KeyChanged
from reelwarden_common.web.signing.passkeys import jwk_of
from reelwarden_local.keys import make_key
from tests.support.authenticator import SecurityKey
from tests.support.desk import PASSWORD, DeskHouse


async def registered(house: DeskHouse, account: str, key: SecurityKey | None = None) -> SecurityKey:
    """A new key of somebody."""
    key = key or SecurityKey(house.url, httpx.URL(house.url).host)
    begun = await house.do(account, "/api/keys/options", {"password": PASSWORD})
    body = {
        "name": "phone",
        "nonce": begun["nonce"],
        "credential": key.register(begun["options"]["challenge"]),
    }
    async with house.person(account) as http:
        answer = await http.post("/api/keys", json=body, headers={"origin": house.url})
    assert answer.status_code == 204, answer.text
    return key


async def nonce(house: DeskHouse, account: str) -> str:
    return str((await house.do(account, "/api/keys/nonce"))["nonce"])


async def approve(house: DeskHouse, application: str, account: str, **body: Any) -> httpx.Response:
    return await house.ask(account, "POST", f"/api/applications/{application}/approve", body)


async def digest_of(house: DeskHouse, application: str) -> str:
    return str((await house.show(application))["digest"])


async def test_an_approval_is_the_signers_own_key_over_the_form(house: DeskHouse) -> None:
    key = await registered(house, "li.lei")
    application = await house.file()
    digest = await digest_of(house, application)
    answer = key.sign(await nonce(house, "li.lei"), "approve", digest, "同意，仅限查看")
    done = await approve(
        house, application, "li.lei", digest=digest, opinion="同意，仅限查看", passkey=answer
    )
    assert done.is_success, done.text
    shown = await house.show(application)
    assert shown["status"] == "approved"
    signature = next(s for s in shown["signatures"] if s["capacity"] == "approver")
    found = verify.check_passkey(signature | {"passkey": signature["own_key"]})
    page = (await house.ask("zheng.yu", "GET", f"/applications/{application}")).text
    assert found[:16] in page
    pdf = await house.ask("li.lei", "GET", f"/api/applications/{application}/forms/application.pdf?lang=en")
    assert pdf.content.startswith(b"%PDF")
    # the form beside it is what was signed
    assert hashlib.sha256(rfc8785.dumps(shown["form"])).hexdigest() == digest
    # taken out of use, its signature stays
    removed = await house.ask("li.lei", "GET", "/keys")
    assert found[:16] in removed.text
    async with house.person("li.lei") as http:
        gone = await http.post(
            f"/keys/{signature['own_key']['credential']}/remove", data={"password": PASSWORD}
        )
    assert gone.status_code == 303
    assert (await house.show(application))["signatures"] == shown["signatures"]


async def test_what_the_key_did_not_sign_is_not_signed(house: DeskHouse) -> None:
    key = await registered(house, "han.mei")
    application, other = await house.file(), await house.file(reason="另一事由")
    digest, others = await digest_of(house, application), await digest_of(house, other)

    async def refused(answer: str, account: str = "han.mei", opinion: str = "") -> None:
        before = await house.show(application)
        got = await approve(house, application, account, digest=digest, opinion=opinion, passkey=answer)
        assert got.status_code == 403, got.text
        assert got.json()["error"]["code"] == "wrong_key"
        assert (await house.show(application))["signatures"] == before["signatures"]

    def fresh() -> Any:
        return nonce(house, "han.mei")

    await refused(key.sign(await fresh(), "reject", digest))
    await refused(key.sign(await fresh(), "approve", others))
    await refused(key.sign(await fresh(), "approve", digest, "同意"), opinion="不同意")
    await refused(key.sign("made-up", "approve", digest))
    await refused(key.sign(await nonce(house, "li.lei"), "approve", digest))  # somebody else's nonce
    await refused(
        key.sign(await nonce(house, "sun.wei"), "approve", digest), "sun.wei"
    )  # somebody else's key
    await refused(SecurityKey(house.url, key.rp_id).sign(await fresh(), "approve", digest))  # not registered
    await refused(json.dumps({"nonce": 1, "credential": []}))
    key.flags = 0b001  # nobody was verified
    await refused(key.sign(await fresh(), "approve", digest))
    key.flags, key.origin = 0b101, "https://elsewhere.example"
    await refused(key.sign(await fresh(), "approve", digest))
    key.origin = house.url
    good = key.sign(await fresh(), "approve", digest)
    assert (await approve(house, application, "han.mei", digest=digest, passkey=good)).is_success
    replayed = await approve(house, other, "han.mei", digest=digest, passkey=good)
    assert replayed.status_code == 403
    stale = key.sign(await fresh(), "approve", digest)  # the right key, on another form's digest
    wrong_form = await approve(house, other, "han.mei", digest=digest, passkey=stale)
    assert not wrong_form.is_success
    assert (await house.show(other))["status"] == "filed"


async def test_a_key_needs_the_password_and_its_own_site(house: DeskHouse) -> None:
    refused = await house.ask("chen.gang", "POST", "/api/keys/options", {"password": "wrong"})
    assert refused.status_code == 403
    key = SecurityKey("https://elsewhere.example", "elsewhere.example")
    begun = await house.do("chen.gang", "/api/keys/options", {"password": PASSWORD})
    credential = key.register(begun["options"]["challenge"])
    body = {"name": "phone", "nonce": begun["nonce"], "credential": credential}
    async with house.person("chen.gang") as http:
        answer = await http.post("/api/keys", json=body, headers={"origin": house.url})
    assert answer.status_code == 422, answer.text


async def test_a_key_that_comes_or_goes_is_told_without_a_name(house: DeskHouse) -> None:
    """For the custody log: from when on a signature by it counts."""
    before = len(house.said(KeyChanged))
    key = await registered(house, "chen.gang")
    mark = verify.key_fingerprint(_jwk(key))
    (came,) = (await house.until_said(KeyChanged, count=before + 1))[before:]
    assert (came.of, came.key, came.before) == ("person", mark, "")
    assert came.person is not None
    assert came.person.startswith("a-")
    async with house.person("chen.gang") as http:
        page = (await http.get("/keys")).text
        action = re.findall(r'action="(/keys/[^"]+)"', page)[-1]
        gone = await http.post(action, data={"password": PASSWORD}, headers={"origin": house.url})
    assert gone.status_code == 303, gone.text
    (left,) = (await house.until_said(KeyChanged, count=before + 2))[before + 1 :]
    assert (left.key, left.before, left.person) == ("", mark, came.person)


def signed_by(key: SecurityKey, digest: str) -> dict[str, Any]:
    """A signature as it lies in a package."""
    answer = json.loads(key.sign("n1", "approve", digest, "同意"))["credential"]["response"]
    own = {
        "act": "approve",
        "nonce": "n1",
        "rp_id": key.rp_id,
        "origin": key.origin,
        "key": _jwk(key),
        "authenticator_data": answer["authenticatorData"],
        "client_data": answer["clientDataJSON"],
        "signature": answer["signature"],
    }
    return {"name": "李雷", "capacity": "approver", "digest": digest, "opinion": "同意", "passkey": own}


def _jwk(key: SecurityKey) -> dict[str, str]:
    return jwk_of(key.cose())


@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_the_verifier_needs_no_library_and_finds_every_change(kind: str) -> None:
    key = SecurityKey("https://desk.example", "desk.example")
    if kind == "rsa":
        key.private = rsa.generate_private_key(65537, 2048)
    digest = hashlib.sha256(b"form").hexdigest()
    good = signed_by(key, digest)
    assert verify.check_form_signature(good, digest) == verify.key_fingerprint(good["passkey"]["key"])
    stranger = SecurityKey(key.origin, key.rp_id)
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda one: one.update(opinion="不同意"),
        lambda one: one.update(digest="0" * 64),
        lambda one: one.update(capacity="applicant"),
        lambda one: one["passkey"].update(act="reject"),
        lambda one: one["passkey"].update(nonce="n2"),
        lambda one: one["passkey"].update(key=_jwk(stranger)),
        lambda one: one["passkey"].update(origin="https://elsewhere.example"),
        lambda one: one["passkey"].update(rp_id="elsewhere.example"),
        lambda one: one["passkey"].update(signature=one["passkey"]["signature"][:-4] + "AAAA"),
        lambda one: one["passkey"].update(signature=""),
        lambda one: one["passkey"].pop("client_data"),
    ]
    for change in changes:
        bad = json.loads(json.dumps(good))
        change(bad)
        with pytest.raises((ValueError, KeyError, IndexError)):
            verify.check_form_signature(bad, digest)


def package_of(folder: Path, form: dict[str, Any], signatures: list[dict[str, Any]]) -> Path:
    """A package whose manifest is in order, whatever its signatures say."""
    key = folder / "desk.pem"
    make_key(key)
    forms = {"application.json": rfc8785.dumps(form), "signatures.json": rfc8785.dumps(signatures)}
    parts = PackageParts("s001-2026-0001", Manner.COPY, [], [], forms, None, "", key)
    build_package(folder / "package.zip", parts)
    return folder / "package.zip"


def test_a_desk_that_changes_what_was_signed_is_found_out(tmp_path: Path) -> None:
    form = {"number": "s001-2026-0001", "reason": "书包丢失"}
    one = signed_by(SecurityKey("https://desk.example", "desk.example"), digest_of_form(form))
    by_password = one | {"name": "韩梅", "passkey": None}
    verdict = verify.verify(package_of(tmp_path, form, [one, by_password]))
    assert verdict.intact
    codes = {note.code for note in verdict.notes}
    assert {"own-key", "by-password"} <= codes
    for lie in ([one | {"opinion": "准予拷贝"}], [one | {"capacity": "applicant"}]):
        verdict = verify.verify(package_of(tmp_path, form, lie))
        assert [problem.code for problem in verdict.problems] == ["bad-form-signature"]
    verdict = verify.verify(package_of(tmp_path, form | {"reason": "另一事由"}, [one]))
    assert {problem.code for problem in verdict.problems} == {"bad-form-signature"}
    assert "李雷" in verify.report(verdict)
