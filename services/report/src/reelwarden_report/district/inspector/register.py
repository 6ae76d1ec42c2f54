"""The register of cameras in the database, as `district.toml` says; what people add stands beside it."""

from collections.abc import Iterable

from reelwarden_common.district import DistrictConfig, School
from reelwarden_common.messaging.postgres import Connection

_CAMERA = """
INSERT INTO camera_register VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (school, camera) DO UPDATE SET position = excluded.position, name = excluded.name,
    place = excluded.place, place_kind = excluded.place_kind, keep_days = excluded.keep_days,
    erasure = excluded.erasure
"""


async def register(conn: Connection, config: DistrictConfig) -> None:
    """Bring the register to what the file says; a camera that left it is no longer counted anywhere."""
    await conn.execute("LOCK TABLE camera_register IN SHARE ROW EXCLUSIVE MODE")
    await conn.executemany(_CAMERA, [row for school in config.schools for row in _rows(config, school)])
    for school in config.schools:
        await conn.execute(
            "DELETE FROM camera_register WHERE school = $1 AND NOT camera = ANY($2)",
            school.id,
            [camera.id for camera in school.cameras],
        )
    await conn.execute(
        "DELETE FROM camera_register WHERE NOT school = ANY($1)", [school.id for school in config.schools]
    )


def _rows(config: DistrictConfig, school: School) -> Iterable[tuple[object, ...]]:
    for position, camera in enumerate(school.cameras):
        yield (
            school.id,
            camera.id,
            position,
            camera.name,
            camera.place,
            camera.place_kind.value,
            camera.keep_days or school.keep_days or config.retention.keep_days,
            school.erasure.value,
        )
