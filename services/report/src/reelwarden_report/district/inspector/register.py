"""The register of cameras in the database, as `district.toml` says; what people add stands beside it."""

from collections.abc import Iterable

from reelwarden_common.district import DistrictConfig, School
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Units
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.views import Views

_CAMERA = """
INSERT INTO camera_register VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (school, camera) DO UPDATE SET position = excluded.position, name = excluded.name,
    place = excluded.place, place_kind = excluded.place_kind, keep_days = excluded.keep_days,
    erasure = excluded.erasure
"""


class Register:
    """Keeps the register as the file and the rule set in force say."""

    def __init__(self, units: Units[InspectorStore], views: Views, config: DistrictConfig) -> None:
        self._units = units
        self._views = views
        self._config = config
        self._known: tuple[int | None] | None = None

    async def turn(self) -> bool:
        """Write it anew where the rules in force set other keep-days since (R6); tells whether it did."""
        async with self._units.begin() as store:
            rules = await self._views.rules_in_force(store.clock())
            general = rules.settings.keep_days if rules else None
            if self._known == (general,):
                return False
            await register(store.conn, self._config, general)
        self._known = (general,)
        return True


async def register(conn: Connection, config: DistrictConfig, general: int | None = None) -> None:
    """Bring the register to what the file says; a camera that left it is no longer counted anywhere.

    Args:
        conn: Of our own schema.
        config: The file.
        general: Keep-days that the rule set in force sets for cameras that have none of their own (R3.1).
    """
    await conn.execute("LOCK TABLE camera_register IN SHARE ROW EXCLUSIVE MODE")
    await conn.executemany(
        _CAMERA, [row for school in config.schools for row in _rows(config, school, general)]
    )
    for school in config.schools:
        await conn.execute(
            "DELETE FROM camera_register WHERE school = $1 AND NOT camera = ANY($2)",
            school.id,
            [camera.id for camera in school.cameras],
        )
    await conn.execute(
        "DELETE FROM camera_register WHERE NOT school = ANY($1)", [school.id for school in config.schools]
    )


def _rows(config: DistrictConfig, school: School, general: int | None) -> Iterable[tuple[object, ...]]:
    for position, camera in enumerate(school.cameras):
        yield (
            school.id,
            camera.id,
            position,
            camera.name,
            camera.place,
            camera.place_kind.value,
            config.keep_days(school.id, camera.id, general),
            school.erasure.value,
        )
