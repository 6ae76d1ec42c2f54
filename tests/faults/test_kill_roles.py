"""kill -9 of each role at each step of what it does: started again, all is as if nothing had happened.

A round: somebody applies for footage of long ago; files come to light that are held, due, and neither. The
role dies at the named step, is started again, and then every invariant is looked at over all that ever was.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
import pytest_asyncio

from tests.support.deaths import PAST_CLAIM, Deaths, deaths
from tests.support.fates import Step

SAID = "reelwarden_common.role:publish_all"
COMMITTED = "reelwarden_common.messaging.delivery:Delivery._settle"
PLAN = [
    Step("plan-holds-written", "after", "store:ReaperStore.put_holds"),
    Step("plan-written", "after", "store:ReaperStore.put_plan"),
    Step("plan-committed", "before", COMMITTED, "plan.issued"),
    Step("plan-said", "after", SAID, "plan.applied"),
]
VAULT = [
    Step("vault-copying", "after", "disk:_clone"),
    Step("vault-copied", "after", "disk:Disk.copy"),
    Step("vault-settling", "before", "disk:Disk.settle", "vault"),
    Step("vault-settled", "after", "disk:Disk.settle", "vault"),
    Step("vault-noted", "after", "catalogue:Catalogue.vaulted"),
    Step("hold-judged", "before", "store:ReaperStore.looked_after"),
    Step("hold-said", "after", SAID, "hold.inforce"),
]
ERASE = [
    [Step("erase-intending", "after", "journal:Journal.intend")],
    [Step("erase-intended", "before", "erasure:Eraser._move")],
    [Step("erase-moved", "after", "disk:Disk.rename", "trash")],
    [Step("erase-condemning", "after", "journal:Journal.condemn")],
    [Step("erase-condemned", "before", "erasure:Eraser._unlink")],
    [Step("erase-unlinked", "after", "disk:Disk.unlink", "trash")],
    [Step("erase-certifying", "after", "erasure:Eraser._certify")],
    [Step("erase-certified", "before", "erasure:Eraser._put_back")],
    [Step("erase-said", "after", SAID, "segment.erased")],
    # what it does only after it died with a file in the trash
    [
        Step("moved", "after", "disk:Disk.rename", "trash"),
        Step("pardoning", "after", "journal:Journal.pardon"),
    ],
    [Step("moved", "after", "disk:Disk.rename", "trash"), Step("put-back", "after", "disk:Disk.put_back")],
]
ERASE_COPIES = [
    Step("copy-erased", "after", "reelwarden_common.s3:S3.erase"),
    Step("copy-erasure-noted", "after", "store:ReplicatorStore.erase_copies", "Copy("),
]
UPLOAD = [
    Step("upload-chosen", "after", "copies:Copies.to_store"),
    Step("upload-begun", "before", "storing:Storing._put"),
    Step("upload-sent", "after", "reelwarden_common.s3:S3.put_open_file"),
    Step("upload-noted", "after", "store:ReplicatorStore.add_copies"),
    Step("upload-said", "after", SAID, "object.stored"),
    Step("record-sent", "after", "reelwarden_common.s3:S3.put_bytes"),
    Step("held-in-store", "after", "reelwarden_common.s3:S3.legal_hold"),
    *ERASE_COPIES,
]
INDEX = [
    Step("index-copied", "after", "footage:FootageStore._copy"),
    Step("index-noted", "after", "footage:FootageStore.touch"),
    Step("index-committed", "before", COMMITTED, "segment.recorded"),
    Step("erasure-noted", "after", "store:IndexStore.erase"),
    Step("erasure-committed", "before", COMMITTED, "segment.erased"),
]
DECIDE = [
    Step("hold-noted", "after", "store:KeeperStore.put_hold"),
    Step("plan-issued", "after", "store:KeeperStore.issue"),
    Step("decision-committed", "before", COMMITTED, "application.filed"),
    Step("plan-sent", "after", SAID, "plan.issued"),
]
VERIFY = [
    Step("copies-claimed", "before", "verifying:Verifying._read_all"),
    Step("copies-judged", "after", "store:LedgerStore.judged"),
    Step("verified-said", "after", SAID, "object.verified"),
]


def at(number: int, steps: Sequence[Step]) -> list[Step]:
    """The step of a round; none when all had their turn."""
    return list(steps[number : number + 1])


DEATHS = [
    {
        "reaper": [*at(number, PLAN), *at(number, VAULT), *erase],
        "replicator": at(number, UPLOAD),
        "index": at(number, INDEX),
        "keeper": at(number, DECIDE),
        "ledger": at(number - 4, VERIFY) if number >= 4 else [],
    }
    for number, erase in enumerate(ERASE)
]
STEPS: dict[str, Sequence[Step]] = {
    role: [step for deaths in DEATHS for step in deaths[role]] for role in DEATHS[0]
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deaths]:
    async with deaths(tmp_path_factory.mktemp("deaths"), STEPS) as made:
        yield made


def names(deaths: Mapping[str, Sequence[Step]]) -> str:
    return " ".join(f"{role}:{step.name}" for role, steps in deaths.items() for step in steps)


@pytest.mark.parametrize("dying", DEATHS, ids=names)
async def test_killed_at_every_step_they_lose_and_double_nothing(
    world: Deaths, dying: dict[str, list[Step]]
) -> None:
    world.arm(dying)
    await world.round(copied_first=any(step in ERASE_COPIES for step in dying["replicator"]))
    await world.all_died()
    if dying["ledger"]:
        world.town.pass_(PAST_CLAIM)
    await world.all_is_well()
