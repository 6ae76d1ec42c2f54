"""Which copies there are of a camera's footage, and when they were last read back (R3.2, R4.1)."""

from datetime import UTC, datetime, timedelta

import pytest

from reelwarden_backup.district.ledger.queries import copies_of
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.errors import Refused
from reelwarden_common.events.backup import CopiesQuery, StoredObject
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from tests.support.backup import make_schema

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def stored(camera: str, start: datetime, minutes: int = 1) -> StoredObject:
    return StoredObject(
        segment=f"{camera}-{start:%H%M}",
        camera=camera,
        start=start,
        end=start + minutes * MINUTE,
        digest="ab" * 32,
        size=1000,
        bucket="rw-footage-s001",
        key=f"{camera}/{start:%H%M}.mp4",
        object_version="v1",
        locked_until=AT + timedelta(days=30),
        stored_at=start + 5 * MINUTE,
    )


async def test_copies_of_a_span_with_their_last_reading(fresh_database: str) -> None:
    """One that reaches into the span counts; other cameras, schools and times do not."""
    pool = await open_pool(await make_schema(fresh_database), "backup", 2)
    try:
        units = PgUnits(pool, "ledger", LedgerStore)
        reaching = stored("gate", AT - 30 * MINUTE, 60)
        async with units.begin() as store:
            await store.take("s001", [reaching, stored("gate", AT), stored("gate", AT + 10 * MINUTE)])
            await store.take("s001", [stored("hall", AT), stored("gate", AT + 60 * MINUTE)])
            await store.take("s002", [stored("gate", AT)])
        await pool.execute(
            "UPDATE objects SET state = 'verified', checked_at = $1 WHERE school = 's001' AND start_at <= $2",
            AT + timedelta(hours=2),
            AT,
        )
        await pool.execute("UPDATE objects SET state = 'corrupt' WHERE start_at = $1", AT + 10 * MINUTE)
        query = CopiesQuery(school="s001", camera="gate", start=AT, end=AT + 30 * MINUTE)
        found = await copies_of(pool, query)
        assert [one.start for one in found.copies] == [reaching.start, AT, AT + 10 * MINUTE]
        assert (found.total, found.verified, found.corrupt, found.erased) == (3, 2, 1, 0)
        assert found.last_read_back_at == found.oldest_read_back_at == AT + timedelta(hours=2)
        assert found.last_stored_at == AT + 15 * MINUTE
        few = await copies_of(pool, query.model_copy(update={"limit": 1}))
        assert (len(few.copies), few.total) == (1, 3)
        nothing = await copies_of(pool, query.model_copy(update={"camera": "yard"}))
        assert (nothing.total, nothing.last_stored_at) == (0, None)
        with pytest.raises(Refused, match="must end after"):
            await copies_of(pool, query.model_copy(update={"end": AT}))
    finally:
        await pool.close()
