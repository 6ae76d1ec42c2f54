"""Which gaps are findings: the same for an inspection and for news of coverage (R4.1)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from reelwarden_report.district.inspector.domain import Cause, DayCoverage, Kind, Span, gaps
from reelwarden_report.district.inspector.store import InspectorStore

SETTLED = timedelta(minutes=1)
"""A gap is judged when the footage after it is so old: what was only late has come by then."""


STILL_DAY = 86_400.0
"""Seconds: a camera that records on motion may see nothing for so long, and no longer."""


def shortest_gap(mode: str | None, seconds: float) -> float:
    """From how many seconds on a break of a camera is a gap: on motion, a whole day."""
    return max(STILL_DAY, seconds) if mode == "motion" else seconds


def recent_gaps(days: Sequence[DayCoverage], keep_days: int, since: datetime, shortest: float) -> list[Span]:
    """A camera's gaps that reach into the time since a moment.

    Args:
        days: Of one camera, oldest first; earlier ones are read too, for gaps over midnight.
        keep_days: What is older was due, and erased: no gap.
        since: Gaps that ended before do not count.
        shortest: Seconds.
    """
    first_day = (since - timedelta(days=2)).date()
    read = [day for day in days[-keep_days - 1 :] if day.day >= first_day]
    return [gap for gap in gaps(read, shortest) if gap.end > since]


def gap_causes(camera: str, found: Sequence[Span], zone: ZoneInfo) -> Iterator[Cause]:
    """One cause per camera and local day on which gaps begin, however many there are."""

    def day(gap: Span) -> str:
        return str(gap.start.astimezone(zone).date())

    for begun, group in groupby(found, key=day):
        those = list(group)
        longest = max(those, key=lambda gap: gap.seconds)
        facts = {
            "count": len(those),
            "start": longest.start.isoformat(),
            "end": longest.end.isoformat(),
            "length": longest.seconds,
            "total": sum(gap.seconds for gap in those),
        }
        if len(those) > 1:
            facts |= {
                "first": min(gap.start for gap in those).isoformat(),
                "last": max(gap.end for gap in those).isoformat(),
            }
        yield Cause(Kind.GAP, f"{camera}|{begun}", camera, facts)


def _told(before: Mapping[str, object] | None, now: Mapping[str, object]) -> bool:
    """Whether what was told before is still so; an older release told less."""
    return before is not None and all(now.get(name) == value for name, value in before.items())


async def judge_gaps(
    store: InspectorStore,
    school: str,
    cameras: Mapping[str, Sequence[Span]],
    first: date,
    *,
    complete: bool = True,
) -> None:
    """Open findings for gaps, close those of gaps that were filled since.

    What a person closed stays closed while nothing about it changes.

    Args:
        store: One transaction.
        school: Whose cameras.
        cameras: Per camera its gaps since that day began, as `recent_gaps` finds them.
        first: The first local day that is judged; of a gap that began earlier only a part may be seen.
        complete: Whether the index answered; else nothing is closed.
    """
    settled = store.clock() - SETTLED
    known = await store.open_causes(school, Kind.GAP)
    settled_by_people = await store.settled_causes(school, Kind.GAP)
    judgeable = [key for key in known if key.rpartition("|")[2] >= str(first)]
    there: set[str] = set()
    for camera, found in cameras.items():
        there |= {cause.key for cause in gap_causes(camera, found, store.zone)}
        for cause in gap_causes(camera, [gap for gap in found if gap.end <= settled], store.zone):
            if cause.key not in known:
                if not _told(settled_by_people.get(cause.key), cause.facts):
                    await store.open(school, cause)
            elif cause.key in judgeable and known[cause.key] != cause.facts:
                await store.restate(school, cause)
    if complete:
        await store.over(school, Kind.GAP, [key for key in judgeable if key not in there])
