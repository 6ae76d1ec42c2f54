"""Somebody owns a school's server and speaks for another school: what index and keeper make of it."""

from datetime import timedelta
from pathlib import Path

from reelwarden_common.envelope import Message
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import SegmentMoved, SegmentsRecorded
from reelwarden_common.events.retention import Hold, HoldFrozen, HoldsKept, HoldSource, PlanIssued
from tests.support.ingest import DAY, TEN, message, refused, say, segments, until
from tests.support.town import town

BAD, VICTIM = "s001", "s002"


def frozen(school: str) -> Hold:
    span = CameraSpan(camera="gate", start=DAY, end=DAY + TEN)
    ends = DAY + timedelta(days=3000)
    return Hold(
        id=f"freeze-of-{school}", source=HoldSource.FREEZE, cause="x", span=span, purpose="x", until=ends
    )


def said_of(school: str) -> list[Message]:
    """Footage, a freeze, and a plan of an epoch that the keeper never began."""
    hold = frozen(school)
    return [
        message(school, SegmentsRecorded(segments=tuple(segments(school, "gate", DAY, 3)))),
        message(school, HoldFrozen(hold=hold, actor="officer-1"), role="reaper"),
        message(school, HoldsKept(epoch=7, version=3, holds=(hold,)), role="reaper"),
    ]


async def test_it_changes_its_own_school_only(tmp_path: Path, fresh_database: str) -> None:
    async with town(tmp_path, fresh_database, (BAD, VICTIM)) as place:
        await place.start("intake", "index", "keeper")
        await place.wait(PlanIssued, "DISTRICT", VICTIM)
        owner, honest = await place.client("topology", BAD), await place.client("scanner", VICTIM)
        real = segments(VICTIM, "gate", DAY + timedelta(hours=1), 2)
        await say(honest, [message(VICTIM, SegmentsRecorded(segments=tuple(real)))])
        js = owner.jetstream()
        for stream, entity in (("FOOTAGE", "rw.*.scanner.segment.>"), ("SITE", "rw.*.reaper.>")):
            config = (await js.stream_info(stream)).config
            others = [one for one in config.subjects or [] if one.split(".")[2] not in entity]
            await js.update_stream(config, subjects=[entity, *others])
        moved = SegmentMoved(segment=real[0].id, camera="gate", locator="away.mp4", was=real[0].locator)
        await say(owner, [*said_of(VICTIM), message(VICTIM, moved), *said_of(BAD)])
        admin = await place.admin()
        counted = "SELECT count(*) FROM ingest.segments WHERE school = $1"
        kept = "SELECT array_agg(id ORDER BY id) FROM retention.holds WHERE school = $1"
        await until(lambda: admin.fetchval(f"SELECT ({counted}) = 3", BAD))
        await until(lambda: admin.fetchval(f"SELECT ({kept}) = $2", BAD, [frozen(BAD).id]))
        await until(lambda: admin.fetchval(f"SELECT ({counted}) = 2", VICTIM))
        there = await admin.fetch("SELECT locator FROM ingest.segments WHERE school = $1", VICTIM)
        assert {row["locator"] for row in there} == {one.locator for one in real}
        assert await admin.fetchval(kept, VICTIM) is None
        assert len(await place.heard(PlanIssued, "DISTRICT", VICTIM)) == 1
        letters = await place.letters()
        assert len([one for one in letters if f"speaks for '{VICTIM}'" in one]) == 4
        assert await refused(owner, f"rw.{BAD}.keeper.plan.issued")
