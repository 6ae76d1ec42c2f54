"""What can be done with numbered paper forms, each act in its transaction, with refusals recorded."""

from collections.abc import Mapping
from functools import partial

from reelwarden_access.district.desk.acts import paper_forms
from reelwarden_access.district.desk.acts.releasing import NewestCheckpoint
from reelwarden_access.district.desk.acts.signing import Signed
from reelwarden_access.district.desk.application import Application, Draft, Rules
from reelwarden_access.district.desk.bodies import OnPaper
from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.domain import required
from reelwarden_access.district.desk.paper_form import PaperDraft, PaperForm, name_of
from reelwarden_access.district.desk.paper_form_pdf import Block, blank_forms_pdf
from reelwarden_common.district import PersonRole
from reelwarden_common.web import Person
from reelwarden_common.web.text import N_


class PaperForms:
    """Numbered forms of schools.

    Args:
        desk: Lets people act.
    """

    def __init__(self, desk: Desk, checkpoint: NewestCheckpoint) -> None:
        self._desk = desk
        self._checkpoint = checkpoint
        self.config = desk.config

    @property
    def rules(self) -> Rules:
        """The numbers in force."""
        return self._desk.rules

    def people_at(self, school: str) -> list[Person]:
        """Who may have signed on paper there."""
        return sorted(
            (one for one in self._desk.people.all() if one.holds(school, *PersonRole)),
            key=lambda one: (one.unit, one.name),
        )

    async def of_school(self, who: Person, school: str) -> list[PaperForm]:
        """All numbered forms of a school."""
        about = About("paper_forms", school=school)
        return await self._desk.perform(who, about, partial(paper_forms.listed, school=school))

    async def print_block(self, who: Person, school: str, count: int) -> tuple[str, bytes]:
        """Blank forms with the next numbers, as PDF with its file name, and the newest custody checkpoint."""
        checkpoint = await self._checkpoint(school, "paper-forms")

        async def act(work: Work) -> tuple[str, bytes]:
            numbers = await paper_forms.print_block(work, school, count)
            names = [name_of(school, number) for number in numbers]
            days = work.rules.paper_within.days
            block = Block(work.config.school(school).name, names, days, work.now, checkpoint)
            return f"{names[0]}–{names[-1]}.pdf", blank_forms_pdf(block)

        return await self._desk.perform(who, About("print_paper", school=school), act)

    async def void(self, who: Person, school: str, numbers: range, reason: str) -> None:
        """Declare blank forms void."""
        act = partial(paper_forms.void, school=school, numbers=numbers, reason=reason)
        await self._desk.perform(who, About("void_paper", school=school), act)

    async def enter(self, who: Person, number: int, asked: Draft, paper: OnPaper) -> Application:
        """Enter a filled sheet, signed by whoever enters it."""
        people = {one.id: one for one in self.people_at(asked.school)}

        async def act(work: Work) -> Application:
            draft = await _draft(work, asked, paper, people)
            return await paper_forms.enter(work, number, draft, again=paper.again)

        about = About("enter_paper", school=asked.school)
        return await self._desk.perform(who, about, act, paper.password)

    async def review(
        self, who: Person, application: str, opinion: str, signed: Signed, *, in_order: bool
    ) -> Application:
        """Sign that somebody looked at an entered sheet."""
        about = About("review_paper", application=application)
        act = partial(
            paper_forms.review, application_id=application, opinion=opinion, signed=signed, in_order=in_order
        )
        return await self._desk.perform(who, about, act, signed.proof)


async def _draft(work: Work, asked: Draft, paper: OnPaper, people: Mapping[str, Person]) -> PaperDraft:
    parts = {
        N_("Approved by"): paper.approver,
        N_("Operator"): paper.operator,
        N_("Supervisor"): paper.supervisor,
    }
    required({name: account in people for name, account in parts.items()})
    approver, operator, supervisor = [
        await paper_forms.signer(work, people[account], asked.school) for account in parts.values()
    ]
    approved_at, retrieved_at = paper.moments(work.config.time_zone)
    return PaperDraft(
        asked=asked,
        approver=approver,
        approved_at=approved_at,
        operator=operator,
        supervisor=supervisor,
        retrieved_at=retrieved_at,
        present=tuple(name for name in paper.present if name.strip()),
        content=paper.content,
        outcome=paper.outcome,
        medium=paper.medium,
    )
