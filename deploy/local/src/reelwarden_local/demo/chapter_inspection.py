"""Step 8: the inspection runs; its written report names what went wrong and what was really kept."""

import io
from typing import Any

from pypdf import PdfReader

from reelwarden_local.demo.scene import SCHOOL, Scene
from reelwarden_local.demo.story import Story
from reelwarden_local.recorders.manifest import FileKind


async def inspected(scene: Scene, story: Story) -> None:
    """Inspect the first school; read the report in both languages as PDF and HTML."""
    officer = await scene.person("chen.an")
    made: dict[str, Any] = await officer.post(
        "/api/inspections", {"school": SCHOOL, "kind": "monthly"}, at="dashboard"
    )
    texts = {}
    for lang in ("zh", "en"):
        page = await officer.ask("GET", f"/reports/{made['report']}.html?lang={lang}", at="dashboard")
        pdf = await officer.ask("GET", f"/reports/{made['report']}.pdf?lang={lang}", at="dashboard")
        (scene.state / f"report-{lang}.html").write_bytes(page.content)
        (scene.state / f"report-{lang}.pdf").write_bytes(pdf.content)
        texts[lang] = page.text
        texts[f"{lang}-pdf"] = "\n".join(p.extract_text() for p in PdfReader(io.BytesIO(pdf.content)).pages)
    story.prove(
        "R5.1",
        f"巡检完成，书面报告 {made['number']}，中英文 PDF 和 HTML",
        f"the inspection is done, written report {made['number']}, PDF and HTML in both languages",
        holds=all(len(text) > 200 for text in texts.values()),  # noqa: PLR2004 - more than a heading
        pages=len(PdfReader(scene.state / "report-zh.pdf").pages),
    )
    if scene.sample is None:
        story.not_shown("R5.1", "报告点名缺口、坏文件、丢失", "the report naming gap, bad files and loss")
        return
    bad = [w.path.rsplit("/", 1)[-1] for w in scene.sample.manifests[SCHOOL] if w.kind is not FileKind.GOOD]
    english = texts["en"]
    named = {
        "gap": "Gap" in english,
        "bad files": all(name in english for name in bad),
        "loss": "Lost footage" in english,
        "refused attempts": "Refused access" in english,
        "days held": all(camera.name in english for camera in scene.stack.config.school(SCHOOL).cameras),
    }
    story.prove(
        "R5.1",
        "报告点名缺口、坏文件、丢失、被拒绝的尝试，以及每路摄像头的实际保存天数",
        "the report names gap, bad files, loss, refused attempts, and days really held per camera",
        holds=all(named.values()),
        **{key.replace(" ", "_"): value for key, value in named.items()},
    )
