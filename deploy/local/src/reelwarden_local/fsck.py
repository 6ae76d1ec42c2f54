"""`reelwarden fsck`: whether disk, catalogue, vault, copies, index and ledger are what their records say."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from nats.aio.client import Client

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.fsck import Depth, Difference
from reelwarden_local.fsck_run import OWNERS, Check, Part, Progress, keys_of
from reelwarden_local.fsck_words import result, to_do, what
from reelwarden_local.ops import DISTRICT, STATE, District, Hub, NoWayIn, Server, State, asked
from reelwarden_local.words import Words

SHOWN = 5
"""Examples of each kind; --json has all."""
TELL_EVERY = 2.0
MEGABYTE = 1_000_000


def fsck(
    school: Annotated[str | None, typer.Option(help="Only this school.")] = None,
    role: Annotated[str | None, typer.Option(help=f"Only one of {', '.join(OWNERS)}.")] = None,
    depth: Annotated[Depth, typer.Option(help="digest reads everything.")] = Depth.PRESENCE,
    progress: Annotated[Path, typer.Option(help="Where the progress is kept.")] = Path(".state/fsck.json"),
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds until what differs is looked at again; only then it counts.")
    ] = 30,
    rate: Annotated[int, typer.Option(min=1, help="MB/s that each role reads at most.")] = 50,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last check stopped.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is safe to mend.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Have each role answer for what it owns; exit 0: all is well, 1: differences, 2: not all was seen."""

    async def work(hub: Hub, client: Client) -> Progress:
        found = _resumed(progress) if resume else _begun(hub, depth, school, role)
        check = Check(client, found, progress, _Teller(), settle)
        check.bytes_per_second = rate * MEGABYTE
        await check.run()
        if repair:
            await check.repair()
        return found

    try:
        found = asked(state, server, district, work)
    except KeyboardInterrupt:
        print(Words("已停下；--resume 可接着查。", "stopped; --resume goes on."), file=sys.stderr)
        raise
    if as_json:
        print(json.dumps(_as_dict(found), ensure_ascii=False, indent=2))
    else:
        _print(found)
    differs, unseen = any(p.differences for p in found.parts), any(p.unseen for p in found.parts)
    raise typer.Exit(1 if differs else 2 if unseen else 0)


def _begun(hub: Hub, depth: Depth, school: str | None, role: str | None) -> Progress:
    if school == DISTRICT_SCHOOL or (role is not None and role not in OWNERS):
        known = ", ".join(hub.schools), ", ".join(OWNERS)
        raise NoWayIn(
            Words(
                f"可查的学校：{known[0]}；角色：{known[1]}。",
                f"schools to be checked: {known[0]}; roles: {known[1]}.",
            )
        )
    hub.roles(school, role)  # refuses what does not exist
    return Progress.begin(depth, keys_of(hub.schools, school, role))


def _resumed(path: Path) -> Progress:
    try:
        return Progress.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoWayIn(
            Words(f"{path} 中没有可接着做的检查。", f"{path} has no check to go on with: begin one.")
        ) from error


class _Teller:
    """Tells how far each part has come, on the error output, not too often."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, part: Part) -> None:
        now = time.monotonic()
        if not (part.done or part.unseen) and now - self._told.get(part.name, 0) < TELL_EVERY:
            return
        self._told[part.name] = now
        share = "" if part.done or not part.total else f" {min(99, 100 * part.checked // part.total)}%"
        read = f", {part.bytes_read / MEGABYTE:.0f} MB" if part.bytes_read else ""
        zh = f"{part.name}{share} 已查 {part.checked}{read}"
        en = f"{part.name}{share} {part.checked} checked{read}"
        if part.unseen:
            zh, en = f"{zh}；看不到：{part.unseen}", f"{en}; not seen: {part.unseen}"
        print(Words(zh, en), file=sys.stderr, flush=True)


def _print(found: Progress) -> None:
    kinds: dict[tuple[str, str], list[tuple[Part, Difference]]] = defaultdict(list)
    for part in found.parts:
        for one in part.differences:
            kinds[part.role, one.kind].append((part, one))
    for (role, kind), some in sorted(kinds.items()):
        print(Words(f"{role}：{what(kind)}，{len(some)} 处", f"{role}: {what(kind)}: {len(some)}"))
        for part, one in some[:SHOWN]:
            print(f"  {_line(part, one)}")
        if len(some) > SHOWN:
            print(f"  … +{len(some) - SHOWN}")
        print(f"  → {to_do(kind, repairable=any(one.repairable for _, one in some))}")
    _print_repairs(found.parts)
    for part in found.parts:
        if part.unseen:
            print(
                Words(f"没有查全 {part.name}：{part.unseen}", f"not all seen of {part.name}: {part.unseen}")
            )
    checked, differing = sum(p.checked for p in found.parts), sum(len(p.differences) for p in found.parts)
    unseen = sum(bool(p.unseen) for p in found.parts)
    zh, en = f"查了 {checked} 项，{differing} 处不符", f"{checked} checked, {differing} differ"
    if unseen:
        zh, en = f"{zh}，{unseen} 部分没有查全", f"{en}, {unseen} part(s) not all seen"
    print(Words(zh, en))


def _line(part: Part, one: Difference) -> str:
    facts = [part.school, one.where]
    if one.start is not None:
        facts.insert(1, f"{one.camera or ''} {one.start:%Y-%m-%dT%H:%M:%SZ}".strip())
    if one.expected or one.found:
        facts.append(f"{one.expected or '-'} ≠ {one.found or '-'}")
    return "  ".join(facts)


def _print_repairs(parts: Sequence[Part]) -> None:
    for part in parts:
        for one in part.repairs:
            print(f"{'✓' if one.done else '✗'} {part.name} {one.item}: {result(one.what)}")


def _as_dict(found: Progress) -> dict[str, object]:
    parts = [part.model_dump(mode="json", exclude={"days", "cursor"}) for part in found.parts]
    return {"depth": found.depth, "started": found.started.isoformat(), "parts": parts}
