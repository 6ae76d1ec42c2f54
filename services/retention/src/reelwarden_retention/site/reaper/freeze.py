"""`python -m reelwarden_retention.site.reaper.freeze`: hold footage now, without asking the district."""

import argparse
import os
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import Hold, HoldSource
from reelwarden_retention.site.reaper.freezes import Freeze, leave

LONGEST = timedelta(days=30)
"""Until then the district has decided, or the purpose is gone (条例 art. 17)."""


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text}: say the offset too, like 2026-03-02T08:00:00+08:00")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Leave a request for the reaper; it takes it in within seconds."""
    parser = argparse.ArgumentParser(prog="freeze", description=__doc__)
    parser.add_argument("--camera", required=True)
    parser.add_argument("--from", dest="start", required=True, type=_moment)
    parser.add_argument("--to", dest="end", required=True, type=_moment)
    parser.add_argument("--purpose", required=True, help="a short code, like accident")
    parser.add_argument("--actor", required=True, help="who freezes, as the desk numbers people")
    parser.add_argument("--days", type=int, default=LONGEST.days, help="how long, at most 30")
    asked = parser.parse_args(arguments)
    if asked.end <= asked.start or not 1 <= asked.days <= LONGEST.days:
        parser.error("--to must be after --from, and --days between 1 and 30")
    identifier = uuid.uuid4().hex
    hold = Hold(
        id=identifier,
        source=HoldSource.FREEZE,
        cause=identifier,
        span=CameraSpan(camera=asked.camera, start=asked.start, end=asked.end),
        purpose=asked.purpose,
        until=datetime.now(UTC) + timedelta(days=asked.days),
    )
    folder = Path(os.environ["RW_STATE_DIR"]) / "freezes"
    leave(folder, Freeze(hold=hold, actor=asked.actor))
    sys.stdout.write(f"{identifier}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
