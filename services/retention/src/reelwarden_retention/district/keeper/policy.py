"""The policies of `district.toml` and of the rule set in force, brought into the plans."""

from reelwarden_common.district import DistrictConfig, Erasure, School
from reelwarden_common.events.retention import CameraPeriod
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_retention.district.keeper.domain import policies
from reelwarden_retention.district.keeper.store import KeeperStore


def wanted(config: DistrictConfig, school: School, general: int | None = None) -> list[CameraPeriod]:
    """The period of each camera of a school, as the file says (R3.1).

    `general`: the keep-days of the rule set in force, for cameras of which the file says nothing (R6).
    """
    return [
        CameraPeriod(
            camera=camera.id,
            days=config.keep_days(school.id, camera.id, general),
            grace_minutes=config.retention.grace_hours * 60,
            zone=config.time_zone,
            managed=school.erasure is Erasure.MANAGED,
        )
        for camera in school.cameras
    ]


async def bring_up_to_date(units: PgUnits[KeeperStore], config: DistrictConfig) -> list[str]:
    """Issue a plan for every school whose policies changed, or that has none; tells which.

    Replicas may do it at the same time: the one that comes second finds nothing to change. It is done again
    now and then: a version of the rule set takes effect on its day.
    """
    changed = []
    for school in config.schools:
        async with units.begin() as store:
            await store.lock(school.id)
            known = await store.policies(school.id)
            now = store.clock()
            general = await store.general_keep_days(now)
            await store.put_policies(
                school.id, policies(known, wanted(config, school, general), now, config.release_delay)
            )
            if await store.issue(school.id, unless_same=True):
                changed.append(school.id)
    return changed
