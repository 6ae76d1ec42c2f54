"""Markup in every text that people or devices write comes out as text, on every page of the dashboard."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urldefrag, urlsplit

import asyncpg
import httpx

from reelwarden_common.web.security import CONTENT_SECURITY_POLICY
from reelwarden_local.bus import EmbeddedBus
from tests.report.district import Index, dashboard, district_toml, signed_in


def evil(place: str) -> str:
    """A text that names the place where it was written, and would leave it if it could."""
    return f"Q{place}'\"><svg/onload=alert(1)><script>alert(2)</script>{{{{7*7}}}}"


RAW = ("<svg/onload", "<script>alert", "</script>49")
"""What of it must stand on no page; `Q…'"` besides."""
SHOWN = re.compile(r"Q([a-z-]+)(?:&#39;|&#x27;|'|%27)")
FORMS = (
    ("/feedback", {"school": "s001", "text": evil("suggestion")}),
    ("/violations/report", {"school": "s001", "text": evil("violation")}),
    (
        "/maintenance",
        {
            "school": "s001",
            "start": "2026-01-01T00:00",
            "end": "2026-01-01T01:00",
            "reason": evil("maintenance"),
        },
    ),
    ("/register/s001/gate", {"mode": "motion", "fed_by": evil("switch")}),
    ("/register/s001/filing", {"filed_on": "2026-01-02", "number": evil("filing")}),
    ("/findings/f1/steps", {"kind": "comment", "text": evil("comment")}),
    ("/programs/tokens", {"name": evil("token"), "schools": ["s001"], "days": "9"}),
    ("/rules/draft", {"text": evil("rule"), "english": evil("translation")}),
    ("/reports", {"school": "s001", "kind": "monthly"}),
)
ASKED = (
    *(f"{path}?q={{0}}&show={{0}}" for path in ("/", "/schools/s001", "/register")),
    *(f"{path}?q={{0}}&kind={{0}}&owner={{0}}&school={{0}}" for path in ("/findings", "/feedback")),
    "/login?next=/{0}",
    "/notices/leave?key={0}",
    "/schools/{0}",
    "/footage?school=s001&camera={0}&start={0}",
    "/findings/{0}",
)
"""Whatever an address says that is shown again."""
_FINDING = """
INSERT INTO finding (finding, school, kind, cause, camera, severity, facts, opened_at, deadline, seen_at)
VALUES ('f1', 's001', 'rejected-file', 'c', $1, 'serious', $2, now(), now(), now())
"""
_LETTER = """
INSERT INTO dead_letter (school, role, letter, subject, event, detail, at)
VALUES ('s001', 'index', 'FOOTAGE.7', $1, $2, $3, now())
"""


def a_district_of_markup(folder: Path) -> Path:
    """Schools, cameras, places and people whose names are markup."""
    path = district_toml(folder)
    text = path.read_text(encoding="utf-8")
    for field in ("name", "place"):
        text = re.sub(rf'^{field} = ".*"$', f"{field} = {json.dumps(evil(field))}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    return path


async def pages(client: httpx.AsyncClient) -> AsyncIterator[tuple[str, httpx.Response]]:
    """All that links lead to from the first page on; of lists that differ by what is asked, one each."""
    waiting = ["/", *(one.format(quote(evil("asked"))) for one in ASKED)]
    seen = set()
    while waiting:
        where = urldefrag(waiting.pop(0)).url
        parts = urlsplit(where)
        kind = (parts.path, *re.findall(r"(\w+)=[^&]", parts.query))
        if kind in seen or parts.path.startswith(("/logout", "/web/", "/static/")):
            continue
        seen.add(kind)
        said = await client.get(where, follow_redirects=True)
        yield where, said
        if "html" in said.headers.get("content-type", ""):
            links = (link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="([^"]+)"', said.text))
            waiting += [one for one in links if one.startswith("/") and not one.startswith("//")]


async def test_markup_in_any_text_stays_text(
    district_bus: EmbeddedBus, report_url: str, report_pool: asyncpg.Pool, index: Index, tmp_path: Path
) -> None:
    assert index is not None  # it answers
    wrong, shown = [], set()
    async with dashboard(district_bus, report_url, a_district_of_markup(tmp_path)) as (at, _):
        facts = {"locator": evil("file"), "reason": "empty", "detail": evil("detail"), "file": "x"}
        await report_pool.execute(_FINDING, evil("camera"), json.dumps(facts))
        await report_pool.execute(_LETTER, evil("subject"), evil("event"), evil("letter"))
        officer = await signed_in(at, "officer")
        for path, form in FORMS:
            said = await officer.post(path, data=form)
            assert said.status_code in (200, 303), (path, said.status_code, said.text)
        visited = 0
        async for where, said in pages(officer):
            assert said.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, where
            if "html" not in said.headers.get("content-type", ""):
                continue
            visited += 1
            shown |= set(SHOWN.findall(said.text))
            found = [raw for raw in RAW if raw in said.text] + re.findall(r"Q[a-z-]+(?:'|&#39;)\"", said.text)
            if found:
                wrong.append((where, found))
        await officer.aclose()
    assert not wrong, "\n".join(map(str, wrong))
    assert visited > 30
    written = {
        one for _, form in FORMS for text in form.values() for one in re.findall(r"^Q([a-z]+)'", str(text))
    }
    assert written | {"name", "place", "asked", "camera", "letter"} <= shown, "each stands on some page"
