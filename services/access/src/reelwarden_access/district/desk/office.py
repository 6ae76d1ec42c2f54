"""Everything that can be done at the desk, for the API and the pages alike: one method an act."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from reelwarden_access.district.desk import papers, reading, retrieval
from reelwarden_access.district.desk.acts import (
    combining,
    extending,
    filing,
    knowing,
    paper_forms,
    recording,
    releasing,
    reminding,
    retrieving,
    watching,
)
from reelwarden_access.district.desk.acts.signing import Signed
from reelwarden_access.district.desk.application import Application, Declaration, Draft, Rules, Supervision
from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.drafts import KEPT
from reelwarden_access.district.desk.forms import Lang
from reelwarden_access.district.desk.sheets import Sheets
from reelwarden_access.district.desk.shown import ApplicationShort, ApplicationShown
from reelwarden_access.district.desk.supplement import SupplementParts, build_supplement
from reelwarden_access.district.desk.tables.footage import Export
from reelwarden_access.district.desk.tables.retrievals import Record, Release, Viewing
from reelwarden_access.district.desk.wanted import EVERYTHING, Wanted
from reelwarden_access.verify import SUPPLEMENT_ENDS, key_fingerprint
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Transient
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.ingest import CoverageAnswer, CoverageQuery
from reelwarden_common.events.report import KeyChanged
from reelwarden_common.messaging.topology import INDEX_COVERAGE
from reelwarden_common.role import Bus
from reelwarden_common.web import N_, Missing, Person, Text
from reelwarden_common.web.signing import keys
from reelwarden_common.web.signing.passkeys import Passkey, Proof
from reelwarden_common.web.signing.table import PasskeysTable

LANGUAGES: tuple[Lang, ...] = ("zh", "en")
T = TypeVar("T")
Act = Callable[..., Awaitable[T]]


class Office:
    """The desk's acts, each in its transaction, with refusals recorded."""

    def __init__(
        self, desk: Desk, bus: Bus, builder: releasing.Builder, sheets: Sheets, keep_papers: timedelta
    ) -> None:
        self._desk = desk
        self._bus = bus
        self._builder = builder
        self._sheets = sheets
        self._keep_papers = keep_papers
        self.config = desk.config
        self.now: Clock = system_clock

    @property
    def rules(self) -> Rules:
        """The numbers in force."""
        return self._desk.rules

    async def file(self, who: Person, draft: Draft, proof: Proof) -> Application:
        """File an application, signed."""
        about = About("file", school=draft.school)
        return await self._desk.perform(who, about, lambda work: filing.file(work, draft), proof)

    async def to_file(self, who: Person, draft: Draft) -> str:
        """The digest of what would be filed: what an own key signs."""
        return await self._desk.perform(who, About("file"), lambda work: filing.to_sign(work, draft))

    async def filed_as(self, who: Person, form: str) -> Application | None:
        """The application that somebody filed with a form, if they did."""
        return await self._desk.perform(who, About("file"), lambda work: filing.filed_as(work, form))

    async def approve(
        self, who: Person, application: str, decision: filing.Decision, proof: Proof
    ) -> Application:
        """Sign an approval."""
        await self._interest(who, application, decision, proof)
        return await self._on(who, "approve", application, partial(filing.approve, decision=decision), proof)

    async def reject(
        self, who: Person, application: str, decision: filing.Decision, proof: Proof
    ) -> Application:
        """Sign a rejection."""
        await self._interest(who, application, decision, proof)
        act = partial(filing.reject, decision=decision)
        return await self._on(who, "reject", application, act, proof)

    async def _interest(self, who: Person, application: str, decision: filing.Decision, proof: Proof) -> None:
        """Note an interest of one's own; the decision that follows is then refused."""
        if decision.interested:
            act = filing.declare_interest
            password = proof if isinstance(proof, str) else None  # a key signs the decision alone
            await self._on(who, "declare_interest", application, act, password)

    async def declare_interest(self, who: Person, application: str) -> Application:
        """Leave the decision to somebody else."""
        return await self._on(who, "declare_interest", application, filing.declare_interest)

    async def advise(
        self, who: Person, application: str, decision: filing.Decision, proof: Proof
    ) -> Application:
        """Sign the department's opinion."""
        return await self._on(who, "advise", application, partial(filing.advise, decision=decision), proof)

    async def withdraw(self, who: Person, application: str) -> Application:
        """Take an application back."""
        return await self._on(who, "withdraw", application, filing.withdraw)

    async def export_again(self, who: Person, application: str) -> Application:
        """Ask the exporter once more."""
        return await self._on(who, "export_again", application, filing.export_again)

    async def open_supervision(
        self, who: Person, application: str, present: Sequence[str], minutes: int | None = None
    ) -> Supervision:
        """Supervise a retrieval, for a set time."""
        act = partial(retrieving.open_supervision, present=present, minutes=minutes)
        return await self._on(who, "supervise", application, act)

    async def close_supervision(self, who: Person, application: str) -> Supervision:
        """End a supervision, and every viewing under it."""
        return await self._on(who, "close_supervision", application, retrieving.close_supervision)

    async def start_viewing(self, who: Person, application: str) -> tuple[Viewing, Export]:
        """Open footage."""
        return await self._on(who, "view", application, retrieving.start_viewing)

    async def stop_viewing(self, who: Person, viewing: str) -> Viewing:
        """Close footage."""
        about = About("stop_viewing", viewing=viewing)
        return await self._desk.perform(who, about, lambda work: retrieving.stop_viewing(work, viewing))

    async def viewing(self, who: Person, viewing: str) -> tuple[Viewing, Export]:
        """An open viewing, for its retriever's screen."""
        about = About("view", viewing=viewing)
        return await self._desk.perform(who, about, lambda work: retrieving.opened(work, viewing))

    async def watch(self, who: Person, request: retrieving.RangeAsked) -> retrieving.Watched:
        """Some bytes of an open viewing."""
        about = About("view", viewing=request.viewing)
        return await self._desk.perform(who, about, lambda work: retrieving.watch(work, request))

    async def release(
        self, who: Person, application: str, handing: releasing.Handing, signed: Signed
    ) -> Release:
        """Build the package and release it: once."""
        act = partial(releasing.claim, handing=handing, signed=signed)
        found, export, claimed = await self._on(who, "release", application, act, signed.proof)
        try:
            shown = await self.show(who, application)
            custody = await self._builder.custody(found.school, found.id, tuple(h.id for h in shown.holds))
            checkpoint = custody.checkpoint if custody else ""
            forms = {
                f"application.{lang}.pdf": await asyncio.to_thread(
                    self._sheets.application, shown, lang, checkpoint
                )
                for lang in LANGUAGES
            }
            forms |= papers.to_be_checked(shown)
            async with self._desk.units.begin() as store:
                forms |= await papers.attached(store, application)
                stills = await store.supervised.pictures(application)
            package = await self._builder.build(found, export, claimed, forms, custody, stills)
            done = partial(releasing.finish, claimed=claimed.claim, package=package)
            return await self._on(who, "release", application, done)
        except BaseException:
            self._builder.path(claimed).unlink(missing_ok=True)
            await self._give_up(application, claimed.claim)
            raise

    async def _give_up(self, application: str, claim: str) -> None:
        async with self._desk.units.begin() as store:
            await store.retrievals.give_up_release(application, claim)

    async def package(self, who: Person, application: str) -> releasing.Parcel:
        """The released package, for whoever released it, until it was taken whole."""
        number, release = await self._on(who, "take", application, releasing.hand_over)
        path = self._builder.path(release)
        if not path.is_file():
            raise Missing
        return releasing.Parcel(release, path, f"{number}.zip")

    async def taken(self, release: Release) -> None:
        """It leaves now: ours is erased.

        Raises:
            Denied: it has left already.
        """
        async with self._desk.units.begin() as store:
            fresh = await store.retrievals.handed_over(release.application, store.clock())
        retrieval.check_first(fresh=fresh)
        self._builder.path(release).unlink(missing_ok=True)

    async def supplement(self, who: Person, application: str) -> tuple[str, bytes]:
        """The signed record for whoever has the package, with its file's name."""
        shown = await self.show(who, application)
        if shown.record is None or shown.record.complete_at is None:
            raise Missing(Text(N_("There is no record yet that all have signed.")))
        checkpoint = await self._builder.checkpoint(shown.school, shown.id)
        printed = {
            f"record.{lang}.pdf": await asyncio.to_thread(self._sheets.record, shown, lang, checkpoint)
            for lang in LANGUAGES
        }
        async with self._desk.units.begin() as store:
            release = await store.retrievals.release(application)
            now = store.clock()
        parts = SupplementParts(shown, printed, release.manifest if release else None, now)
        made = await asyncio.to_thread(build_supplement, parts, self._builder.key)
        return f"{shown.number}{SUPPLEMENT_ENDS}", made

    async def fill_record(self, who: Person, application: str, draft: recording.RecordDraft) -> Record:
        """Fill in the record form."""
        return await self._on(who, "record", application, partial(recording.fill, draft=draft))

    async def sign_record(self, who: Person, application: str, digest: str, proof: Proof) -> Record:
        """Sign the record form."""
        return await self._on(who, "sign", application, partial(recording.sign, digest=digest), proof)

    async def declare(
        self, who: Person, application: str, declaration: Declaration, note: str, signed: Signed
    ) -> Application:
        """Sign what became of a copy."""
        act = partial(recording.declare, declaration=declaration, note=note, signed=signed)
        return await self._on(who, "declare", application, act, signed.proof)

    async def close(self, who: Person, application: str) -> Application:
        """Close an application."""
        return await self._on(who, "close", application, recording.close)

    async def review_parts(self, who: Person, application: str, opinion: str, signed: Signed) -> Application:
        """Look at two parts held by one person."""
        act = partial(combining.review, opinion=opinion, signed=signed)
        return await self._on(who, "review_parts", application, act, signed.proof)

    async def stop_release(self, who: Person, application: str, signed: Signed) -> None:
        """Take the waiting release of an application's footage back."""
        act = partial(extending.stop_release_of_application, signed=signed)
        await self._on(who, "stop_release", application, act, signed.proof)

    async def confirm_sweep(self, who: Person, sweep: str, signed: Signed) -> None:
        """Let a stopped sweep go on."""
        about = About("confirm_sweep", sweep=sweep)

        def act(work: Work) -> Awaitable[None]:
            return watching.confirm_sweep(work, sweep, signed)

        await self._desk.perform(who, about, act, signed.proof)

    async def ask_restore(self, who: Person, segment: str) -> None:
        """Have a lost segment restored."""
        about = About("restore", segment=segment)
        await self._desk.perform(who, about, lambda work: watching.ask_restore(work, segment))

    async def acknowledge_training(self, who: Person) -> int:
        """Acknowledge the rules in force."""
        return await self._desk.perform(who, About("train"), watching.acknowledge_training)

    async def training(self, who: Person) -> watching.Training:
        """The rules in force, and whether the person acknowledged them."""
        return await self._desk.perform(who, About("train"), watching.training)

    async def show(self, who: Person, application: str) -> ApplicationShown:
        """One application with everything."""
        return await self._on(who, "read", application, reading.show)

    async def printed(self, who: Person, application: str, form: str, lang: Lang) -> tuple[str, bytes]:
        """A form as PDF, with its file name; the newest custody checkpoint is printed on it."""
        shown = await self.show(who, application)
        if form == "record" and shown.record is None:
            raise Missing
        checkpoint = await self._builder.checkpoint(shown.school, shown.id)
        make = self._sheets.record if form == "record" else self._sheets.application
        made = await asyncio.to_thread(make, shown, lang, checkpoint)
        return f"{shown.number}-{form}-{lang}.pdf", made

    async def listed(self, who: Person, view: str, wanted: Wanted = EVERYTHING) -> list[ApplicationShort]:
        """Applications, mine or waiting for me."""
        return await self._desk.perform(who, About("list"), lambda work: reading.listed(work, view, wanted))

    async def alarms(self, who: Person, kind: str) -> list[dict[str, Any]]:
        """`denials`, `lost` or `sweeps` of one's schools."""
        read = {"denials": reading.denials, "lost": reading.lost, "sweeps": reading.sweeps}[kind]
        return await self._desk.perform(who, About(kind), read)

    async def coverage(self, who: Person, query: CoverageQuery) -> CoverageAnswer | None:
        """What footage of one's school exists; None when the index does not answer."""
        about = About("coverage", school=query.school)
        await self._desk.perform(who, about, lambda work: reading.check_school(work, query.school))
        try:
            return await self._bus.ask(INDEX_COVERAGE, "district", query, CoverageAnswer, 3)
        except Transient:
            return None

    async def who_is_trained(self, who: Person) -> list[knowing.SchoolTraining]:
        """Who of one's schools acknowledged the rules in force, and who has not."""
        act = partial(knowing.of_own_schools, people=self._desk.people.all())
        return await self._desk.perform(who, About("trained"), act)

    async def lapse(self) -> None:
        """End what is past its deadline, and erase packages that nobody will take."""
        await self._desk.heed_rules()
        async with self._desk.units.begin() as store:
            await knowing.tell(store, self.config, self._desk.people.all())
        async with self._desk.units.begin() as store:
            await filing.lapse(store, self.rules, store.clock())
            await store.drafts.expire(store.clock() - KEPT)
            await store.attachments.expire(store.clock() - KEPT)
            await store.attachments.erase(store.clock() - self._keep_papers, store.clock())
            await extending.end_by_time(store, store.clock())
            await retrieving.end_forgotten(store, store.clock())
            await paper_forms.look(store, self.rules, store.clock())
            await reminding.remind(store, self.rules, store.clock())
            waiting = await store.retrievals.waiting()
        await asyncio.to_thread(self._builder.tidy, waiting, self.now())

    async def _on(
        self, who: Person, act: str, application: str, work: Act[T], proof: Proof | None = None
    ) -> T:
        about = About(act, application=application)
        return await self._desk.perform(who, about, lambda w: work(w, application), proof)

    async def own_keys(self, who: Person) -> Sequence[Passkey]:
        """Somebody's keys in use."""
        return await self._keys(who, lambda table, actor, _: table.of(actor))

    async def nonce(self, who: Person, password: str | None = None) -> str:
        """For one use of a key; to register one, the password is needed."""
        return await self._keys(who, lambda table, actor, now: table.nonce(actor, now), password)

    async def add_key(self, who: Person, new: keys.NewKey) -> Passkey:
        """Take a key into use."""

        async def work(w: Work) -> Passkey:
            actor = await w.store.people.actor_id(who.id)
            added = await keys.register(w.store.passkeys, actor, new, w.now)
            changed = KeyChanged(of="person", key=key_fingerprint(added.key), person=actor)
            w.store.publish(DISTRICT_SCHOOL, changed)
            return added

        return await self._desk.perform(who, About("keys"), work)

    async def remove_key(self, who: Person, key: str, password: str) -> None:
        """Take a key out of use."""

        async def work(w: Work) -> None:
            actor = await w.store.people.actor_id(who.id)
            known = {one.id: key_fingerprint(one.key) for one in await w.store.passkeys.of(actor)}
            await keys.remove(w.store.passkeys, actor, key, w.now)
            changed = KeyChanged(of="person", before=known.get(key, ""), person=actor)
            w.store.publish(DISTRICT_SCHOOL, changed)

        await self._desk.perform(who, About("keys"), work, password)

    async def _keys(
        self,
        who: Person,
        act: Callable[[PasskeysTable, str, datetime], Awaitable[T]],
        password: str | None = None,
    ) -> T:
        async def work(w: Work) -> T:
            return await act(w.store.passkeys, await w.store.people.actor_id(who.id), w.now)

        return await self._desk.perform(who, About("keys"), work, password)
