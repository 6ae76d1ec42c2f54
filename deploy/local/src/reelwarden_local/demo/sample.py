"""The sample district: its configuration, its people's password, and recorders that write real video."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from argon2 import PasswordHasher

from reelwarden_common.district import DistrictConfig, School, load
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.manifest import Manifest
from reelwarden_local.recorders.recorder import Recorder
from reelwarden_local.servers.state import kept_secrets

EXPIRED = timedelta(days=33)
"""Age of the footage that is due: thirty whole local days and the grace have passed for certain."""
RECENT = timedelta(minutes=4)
GAP = timedelta(seconds=40)


@dataclass(frozen=True)
class Past:
    """What the recorders are made to have written before the story starts; all times UTC."""

    now: datetime
    expired_from: datetime
    expired_to: datetime
    gap_from: datetime
    gap_to: datetime
    recent_from: datetime


@dataclass
class SampleRecorders:
    """The recorders of all schools, and the manifest of everything that they wrote."""

    recorders: dict[str, Recorder]
    manifests: dict[str, Manifest]
    password: str

    async def record(self) -> None:
        """Every camera records live until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for recorder in self.recorders.values():
                for camera in recorder.cameras:
                    tasks.create_task(recorder.run(camera))


def prepare(state: Path) -> SampleRecorders:
    """Write the sample's district.toml (once) and make its recorders; nothing records yet."""
    state.mkdir(parents=True, exist_ok=True)
    password = kept_secrets(state / "password.json", ["people"])["people"][:12]
    toml = state / "district.toml"
    if not toml.exists():
        toml.write_text(sample_toml(password), encoding="utf-8")
    config = load(toml)
    manifests = {s.id: Manifest(state / "manifests" / f"{s.id}.jsonl") for s in config.schools}
    recorders = {s.id: _recorder(config, s, manifests[s.id]) for s in config.schools}
    return SampleRecorders(recorders, manifests, password)


def sample_toml(password: str) -> str:
    """The sample's district.toml with one password for all its people."""
    text = resources.files(__package__).joinpath("sample.toml").read_text(encoding="utf-8")
    return text.replace("@HASH@", PasswordHasher().hash(password))


def _recorder(config: DistrictConfig, school: School, manifest: Manifest) -> Recorder:
    cameras = [
        RecordedCamera(
            id=camera.id,
            name=camera.name,
            layout=Layout(camera.recorder.layout.value),
            folder=camera.recorder.folder,
            source=camera.recorder.source,
            template=camera.recorder.template,
            time_zone=config.recorder_zone(school.id, camera.id),
            segment_seconds=camera.recorder.segment_seconds,
        )
        for camera in school.cameras
    ]
    storage = config.storage(school.id)
    storage.mkdir(parents=True, exist_ok=True)
    return Recorder(storage, cameras, manifest)


def write_past(sample: SampleRecorders, now: datetime | None = None) -> Past:
    """Footage of 33 days ago and of the last minutes, with a gap and three bad files among it."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    recent_from = now - RECENT
    gap_from = now - timedelta(seconds=130)
    expired_from = now - EXPIRED
    past = Past(
        now, expired_from, expired_from + timedelta(seconds=80), gap_from, gap_from + GAP, recent_from
    )
    first, second = sample.recorders["s001"], sample.recorders["s002"]
    for recorder, camera in ((first, "gate"), (first, "playground"), (second, "gate")):
        recorder.backfill(camera, past.expired_from, past.expired_to)
    first.backfill("gate", recent_from, now, [(past.gap_from, past.gap_to)])
    for recorder, camera in (
        (first, "playground"),
        (first, "corridor"),
        (second, "gate"),
        (second, "canteen"),
        (second, "lab"),
    ):
        recorder.backfill(camera, recent_from, now)
    first.truncated("playground", recent_from - timedelta(seconds=60))
    first.empty("corridor", recent_from - timedelta(seconds=60))
    second.unreadable_time("lab", recent_from - timedelta(seconds=60))
    return past
