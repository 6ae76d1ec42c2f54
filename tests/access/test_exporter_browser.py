"""A viewing copy in a real browser: it plays, and range requests let one seek in it."""

import re
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from reelwarden_access.site.exporter.files import Located
from reelwarden_access.site.exporter.media import Strip, stitch
from tests.access.footage import CAMERAS, School, at, filmed_at

pytestmark = pytest.mark.system
PAGE = b'<!doctype html><video id="v" src="/view.mp4" muted preload="auto"></video>'
LOOK = """async seconds => {
    const video = document.getElementById('v');
    if (video.readyState < 1) await new Promise((ok, bad) => {
        video.onloadedmetadata = ok; video.onerror = () => bad(video.error.message); });
    const seeked = new Promise(ok => video.onseeked = ok);
    video.currentTime = seconds;
    await seeked;
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth; canvas.height = video.videoHeight;
    const pen = canvas.getContext('2d');
    pen.drawImage(video, 0, 0);
    return { duration: video.duration, width: video.videoWidth,
             pixels: Array.from(pen.getImageData(0, 0, canvas.width, canvas.height).data) };
}"""


class _Handler(BaseHTTPRequestHandler):
    """Serves one file by ranges, as the desk does."""

    def __init__(self, *args: object, content: bytes, asked: list[str]) -> None:
        self.content, self.asked = content, asked
        super().__init__(*args)  # type: ignore[arg-type]  # the server's own three arguments

    def do_GET(self) -> None:
        body, status = (PAGE, 200) if self.path == "/" else (self.content, 200)
        match = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        self.send_response(206 if match else status)
        if match:
            start, end = int(match[1]), int(match[2] or len(body) - 1)
            self.asked.append(match[0])
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(body)}")
            body = body[start : end + 1]
        self.send_header("Content-Type", "text/html" if self.path == "/" else "video/mp4")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test says what it sees."""


def _picture(seen: dict[str, Any]) -> Image.Image:
    size = (seen["width"], len(seen["pixels"]) // 4 // seen["width"])
    return Image.frombytes("RGBA", size, bytes(seen["pixels"])).convert("L")


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, list[str]]]:
    school = School(tmp_path / "storage")
    segments = school.record(request.param, 0, 30)
    strips = [Strip(Located(school.storage, one.locator).open, one.start, timedelta()) for one in segments]
    stitch(strips, at(3.4), at(26.2), tmp_path / "view.mp4")
    asked: list[str] = []
    handler = partial(_Handler, content=(tmp_path / "view.mp4").read_bytes(), asked=asked)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("served", "camera"), [(one, one) for one in CAMERAS], indirect=["served"])
def test_chromium_plays_it_and_seeks_in_it(served: tuple[str, list[str]], camera: str) -> None:
    address, asked = served
    chromium = shutil.which("chromium")
    assert chromium, "make system-packages installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        first, middle = page.evaluate(LOOK, 0.05), page.evaluate(LOOK, 15.05)
        browser.close()
    assert first["duration"] == pytest.approx(22.8, abs=0.25), "the lead-in is not shown"
    assert filmed_at(camera, _picture(first), at(3.4)) == at(3.4)
    assert filmed_at(camera, _picture(middle), at(18.4)) == at(18.4)
    assert asked
