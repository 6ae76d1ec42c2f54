"""What a school's machine must have, looked at when it enrols: storage, recorders, clock, store, room."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from reelwarden_common.district import DistrictConfig, School
from reelwarden_local.install.checks import Check
from reelwarden_local.words import Words

CLOCK_SECONDS = 2.0
"""Off by more than this, footage would lie at the wrong minute."""
FRESH = timedelta(hours=24)
STATE_BYTES = 10 * 1024**3
"""Room for 45 days of what the school has to say while it is cut off."""


def look(config: DistrictConfig, state: Path, district_now: datetime, here: datetime) -> Iterator[Check]:
    """Every check, the most important first.

    Args:
        config: The school's part of the district's file.
        state: The school's folder.
        district_now: The district's clock, as it answered.
        here: Ours at that moment.
    """
    (school,) = config.schools
    storage = config.storage(school.id)
    yield _storage(storage)
    yield _clock(abs((here - district_now).total_seconds()))
    yield _synchronised()
    yield from _recorders(school, storage)
    yield _room(state)
    yield _apart(storage, state)


def _storage(storage: Path) -> Check:
    if not storage.is_dir():
        return Check(
            "storage",
            "bad",
            Words(f"存储目录 {storage} 不存在：请挂载后再接入。", f"{storage} is not there: mount it first."),
        )
    if not os.access(storage, os.R_OK | os.W_OK | os.X_OK):
        return Check(
            "storage",
            "bad",
            Words(
                f"对 {storage} 没有读写权限：到期的录像需要由本机覆盖，请给运行账户授权。",
                f"{storage} cannot be read and written: what is due is erased here; give the account rights.",
            ),
        )
    return Check("storage", "good", Words(f"存储 {storage}", f"storage {storage}"))


def _clock(off: float) -> Check:
    if off > CLOCK_SECONDS:
        return Check(
            "clock",
            "bad",
            Words(
                f"本机时钟与学区相差 {off:.0f} 秒：请先对时，时钟不可信时不会清除任何录像。",
                f"the clock is {off:.0f} s off the district's: set it; until then nothing is erased.",
            ),
        )
    return Check("clock", "good", Words("时钟与学区一致", "the clock agrees with the district's"))


def _synchronised() -> Check:
    command = shutil.which("timedatectl")
    try:
        done = subprocess.run(
            [command or "timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        said = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    if said == "yes":
        return Check("ntp", "good", Words("时钟由 NTP 校准", "the clock is kept by NTP"))
    return Check(
        "ntp",
        "warning",
        Words("没有看到 NTP 校时：请启用，例如 chrony。", "no NTP seen: switch it on, for example chrony."),
    )


def _recorders(school: School, storage: Path) -> Iterator[Check]:
    for camera in school.cameras:
        folder = storage / camera.recorder.folder
        where = f"{camera.id}（{camera.name}）"
        if not folder.is_dir():
            yield Check(
                f"camera {camera.id}",
                "bad",
                Words(
                    f"{where} 的录像目录 {folder} 不存在：请核对录像机的输出目录。",
                    f"{camera.id}: {folder} is not there: compare with the recorder's settings.",
                ),
            )
            continue
        newest = _newest(folder)
        if newest is None or time.time() - newest > FRESH.total_seconds():
            yield Check(
                f"camera {camera.id}",
                "warning",
                Words(
                    f"{where} 最近 24 小时没有新文件。", f"{camera.id}: no new file for 24 hours in {folder}."
                ),
            )
        else:
            yield Check(f"camera {camera.id}", "good", Words(f"{where} 有新录像", f"{camera.id} records"))


def _newest(folder: Path) -> float | None:
    """The newest time in a tree, from folders that are newest first: a recorder's tree is large."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime, reverse=True)
    except OSError:
        return None
    for entry in entries[:50]:
        found = _newest(Path(entry.path)) if entry.is_dir() else entry.stat().st_mtime
        if found is not None:
            return found
    return None


def _room(state: Path) -> Check:
    free = shutil.disk_usage(state).free
    if free < STATE_BYTES:
        return Check(
            "room",
            "warning",
            Words(
                f"{state} 只剩 {free // 1024**2} MB：断线 45 天期间的事件约需 {STATE_BYTES // 1024**3} GB。",
                f"{state} has {free // 1024**2} MB left: 45 days of being cut off need about "
                f"{STATE_BYTES // 1024**3} GB.",
            ),
        )
    return Check("room", "good", Words("状态盘空间足够", "room for the school's state"))


def _apart(storage: Path, state: Path) -> Check:
    if storage.is_dir() and storage.stat().st_dev == state.stat().st_dev:
        return Check(
            "disks",
            "warning",
            Words(
                "录像与状态在同一块盘上：录像写满时，本系统也无法记录；请分开。",
                "footage and state share one disk: full, it leaves no room to write down anything.",
            ),
        )
    return Check("disks", "good", Words("录像与状态分在两块盘上", "footage and state on disks of their own"))
