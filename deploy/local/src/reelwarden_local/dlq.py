"""Dead letters on the command line: what roles could not handle, why, and what to do about each.

A letter is named `<school>/<role>/<letter>`, as `list` and the dashboard show it.
"""

import asyncio
import getpass
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer
from nats.aio.client import Client

from reelwarden_common.errors import Transient
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.letters import (
    Act,
    Letter,
    LetterAnswer,
    LetterQuery,
    LettersAnswer,
    LettersQuery,
    LetterTask,
    LetterTaskAnswer,
    Outcome,
)
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import LETTER, LETTERS, ROLES, SETTLE_LETTER, Place
from reelwarden_common.web.i18n import read_catalogue
from reelwarden_local.ops import DISTRICT, STATE, District, Hub, Server, State, asked
from reelwarden_local.words import Words, language
from reelwarden_report.district.inspector.words import hint

WORDS = "reelwarden_report.district.inspector"
LIST_SECONDS, ACT_SECONDS = 5.0, 60.0

app = typer.Typer(no_args_is_help=True, help=__doc__)
Key = Annotated[str, typer.Argument(metavar="LETTER", help="<school>/<role>/<letter>, as listed.")]
By = Annotated[str, typer.Option(help="Your account (not your name), for the record.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@dataclass(frozen=True)
class Found:
    """The letters of those who answered, and who did not."""

    letters: Sequence[tuple[str, Letter]]
    """With their keys, the newest first."""
    silent: Sequence[str]
    """`<school>/<role>` of those who did not answer."""
    more: bool
    """Some role has more than were asked for."""


@app.command("list")
def list_letters(
    school: Annotated[str | None, typer.Option(help="Only letters about this school.")] = None,
    role: Annotated[str | None, typer.Option(help="Only letters of this role.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each role.")] = 200,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    *,
    as_json: AsJson = False,
) -> None:
    """List what waits; exit 0: nothing, 1: something waits, 2: nothing found, but not all answered."""

    async def work(hub: Hub, client: Client) -> Found:
        return await find(client, hub, school, role, limit)

    found = asked(state, server, district, work)
    if as_json:
        _print_json(found)
    else:
        for key, letter in found.letters:
            print(_told(key, letter))
        print(_summary(found))
    raise typer.Exit(1 if found.letters else 2 if found.silent else 0)


@app.command()
def show(
    key: Key,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one letter with its body; exit 1 when there is none."""
    place, role, letter = _split(key)

    async def work(_: Hub, client: Client) -> LetterAnswer:
        query = LetterQuery(letter=letter)
        return await ask(client, LETTER, place, query, LetterAnswer, LIST_SECONDS, role=role)

    answer = asked(state, server, district, work)
    if answer.letter is None:
        _nothing(key)
    if as_json:
        print(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    one = answer.letter
    print(_told(key, one))
    print(_plain(f"  {one.event_type or '?'}  {one.event or '?'}  {one.size} B  {one.reason}"))
    print(f"\n{_plain(answer.body)}")


@app.command()
def replay(
    key: Key,
    by: By = "",
    note: Annotated[str, typer.Option(help="Why; no names.")] = "",
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    *,
    as_json: AsJson = False,
) -> None:
    """Have the role handle it again: it takes effect once; exit 1 when it fails again and stays."""
    answer = _settle(key, Act.REPLAY, by, note, (state, server, district))
    _say(key, answer, Words(f"{key} 已重放。", f"{key} was handled again."), as_json=as_json)


@app.command()
def dismiss(
    key: Key,
    note: Annotated[str, typer.Option(help="Why; no names.")],
    by: By = "",
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    *,
    as_json: AsJson = False,
) -> None:
    """Take it away for good: what it says never takes effect there; exit 1 when there is none."""
    if not note.strip():
        raise typer.BadParameter(str(Words("请写明原因。", "say why.")), param_hint="--note")
    answer = _settle(key, Act.DISMISS, by, note, (state, server, district))
    _say(key, answer, Words(f"{key} 已撤销。", f"{key} was dismissed."), as_json=as_json)


async def find(client: Client, hub: Hub, school: str | None, role: str | None, limit: int) -> Found:
    """Ask every role that may have letters about the school, all at once.

    Raises:
        NoWayIn: there is no such school or role.
    """
    hub.roles(school, role)  # refuses what does not exist
    places = [one for one in hub.roles(None, role) if one[0] in (DISTRICT_SCHOOL, school or one[0])]
    results = await asyncio.gather(*(_of(client, *place, limit) for place in places))
    answers = dict(zip(places, results, strict=True))
    found = [
        (f"{about}/{speaker}/{letter.letter}", letter)
        for (place, speaker), letters in answers.items()
        for letter in letters or ()
        # A school speaks for itself only, whatever it says.
        for about in [letter.school if place == DISTRICT_SCHOOL else place]
        if school in (None, about)
    ]
    return Found(
        sorted(found, key=lambda pair: pair[1].at, reverse=True),
        ["/".join(place) for place, letters in answers.items() if letters is None],
        any(len(letters or ()) >= limit for letters in answers.values()),
    )


async def _of(client: Client, place: str, role: str, limit: int) -> list[Letter] | None:
    """A role's letters; None when it does not answer."""
    found: list[Letter] = []
    query = LettersQuery()
    try:
        while True:
            answer = await ask(client, LETTERS, place, query, LettersAnswer, LIST_SECONDS, role=role)
            found += answer.letters
            if not answer.more or not answer.letters or len(found) >= limit:
                return found[:limit]
            query = LettersQuery(before=answer.letters[-1].letter)
    except Transient:
        return None


def _settle(
    key: str, act: Act, by: str, note: str, where: tuple[State, Server, District]
) -> LetterTaskAnswer:
    place, role, letter = _split(key)
    task = LetterTask(letter=letter, act=act, by=(by or getpass.getuser())[:64], note=note.strip()[:500])

    async def work(_: Hub, client: Client) -> LetterTaskAnswer:
        return await ask(client, SETTLE_LETTER, place, task, LetterTaskAnswer, ACT_SECONDS, role=role)

    return asked(*where, work)


def _split(key: str) -> tuple[str, str, str]:
    """Whom to ask (school or `district`, role), and the letter."""
    parts = key.split("/")
    known = {role.name: role.place for role in ROLES}
    if len(parts) != len(("school", "role", "letter")) or parts[1] not in known:
        wrong = Words(f"{key} 不是 <学校>/<角色>/<死信>。", f"{key} is not <school>/<role>/<letter>.")
        raise typer.BadParameter(str(wrong))
    school, role, letter = parts
    return (school if known[role] is Place.SCHOOL else DISTRICT_SCHOOL), role, letter


def _nothing(key: str) -> NoReturn:
    gone = Words(f"没有 {key}：已处理，或已过期。", f"there is no {key}: settled, or aged out.")
    print(gone, file=sys.stderr)
    raise typer.Exit(1)


def _say(key: str, answer: LetterTaskAnswer, done: Words, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, indent=2))
    elif answer.outcome is Outcome.UNKNOWN:
        _nothing(key)
    elif answer.outcome is Outcome.FAILED:
        why = _plain(answer.detail)
        failed = Words(f"再次失败，仍然保留：{why}", f"failed again and stays: {why}")
        print(failed, file=sys.stderr)
    else:
        print(done)
    if answer.outcome not in (Outcome.REPLAYED, Outcome.DISMISSED):
        raise typer.Exit(1)


def _told(key: str, letter: Letter) -> str:
    """One letter in three lines: which, what is wrong, what to do."""
    words = read_catalogue([WORDS] if language() == "zh" else [])
    at = letter.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    lines = (f"{key}  {at}  {letter.subject}", f"  {letter.detail}", f"  → {words.say(hint(letter.fault))}")
    return "\n".join(_plain(line) for line in lines)


def _plain(text: str) -> str:
    """What a terminal may be given: senders could write anything that steers one."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def _summary(found: Found) -> Words:
    silent = ", ".join(found.silent)
    count = len(found.letters)
    zh, en = f"{count} 封死信", f"{count} dead letter(s)"
    if found.more:
        zh, en = f"{zh}；还有更多，请加大 --limit", f"{en}; there are more, see --limit"
    if silent:
        zh, en = f"{zh}；没有应答：{silent}", f"{en}; no answer from {silent}"
    return Words(zh, en)


def _print_json(found: Found) -> None:
    letters = [{"key": key, **letter.model_dump(mode="json")} for key, letter in found.letters]
    whole = {"letters": letters, "unanswered": found.silent, "more": found.more}
    print(json.dumps(whole, ensure_ascii=False, indent=2))
