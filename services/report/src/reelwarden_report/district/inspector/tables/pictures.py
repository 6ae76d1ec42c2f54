"""Pictures of a monthly report: the same shapes drawn as SVG on the page and by typst in the PDF."""

from datetime import date

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector.monthly import HeatRow, Monthly
from reelwarden_report.district.inspector.tables.document import Bars, Cell, Heat
from reelwarden_report.district.inspector.tables.scribe import Scribe

FULL, MOST, HALF = 0.995, 0.9, 0.5


def shade(share: float | None) -> str:
    """The colour of a day."""
    if share is None:
        return "unknown"
    steps = ((FULL, "full"), (MOST, "most"), (HALF, "half"))
    return next((name for least, name in steps if share >= least), "little" if share > 0 else "none")


def percent(share: float | None) -> str:
    """For people; what is not whole is never shown as 100 %."""
    if share is None:
        return "—"
    return "100 %" if share >= FULL else f"{min(99.0, share * 100):.0f} %"


def heat(scribe: Scribe, month: Monthly) -> Heat:
    """How much of each day is recorded, camera by camera."""
    names = {
        "full": N_("whole"),
        "most": N_("90 % and more"),
        "half": N_("half and more"),
        "little": N_("less than half"),
        "none": N_("nothing"),
        "before": N_("not in service yet"),
        "unknown": N_("nothing known"),
    }
    days = tuple(f"{day:%m-%d}" for day in month.days)
    rows = tuple(
        (
            scribe.camera(row.camera),
            tuple(_cell(scribe, row, day, one) for day, one in zip(month.days, row.shares, strict=True)),
        )
        for row in month.heat
    )
    legend = tuple((name, scribe.say(text)) for name, text in names.items())
    return Heat(scribe.say(N_("Coverage by camera and day")), days, rows, legend)


def _cell(scribe: Scribe, row: HeatRow, day: date, one: float | None) -> Cell:
    """One day of one camera; days before it was in service are not days without footage."""
    if one is None and row.first is not None and day < row.first:
        tone, told = "before", scribe.say(N_("not in service yet"))
    else:
        tone, told = shade(one), percent(one)
    return Cell(tone, f"{scribe.camera(row.camera)} {day:%m-%d}: {told}")


def mean_shares(month: Monthly) -> tuple[float | None, ...]:
    """How much of each day is recorded by all cameras together; None: nothing is known of that day."""
    found: list[float | None] = []
    for column in zip(*(row.shares for row in month.heat), strict=True):
        known = [one for one in column if one is not None]
        found.append(sum(known) / len(known) if known else None)
    return tuple(found)


def trends(scribe: Scribe, month: Monthly) -> tuple[Bars, ...]:
    """How the month went: what was recorded, and what was not in order."""
    days = tuple(f"{day:%m-%d}" for day in month.days)
    shares = mean_shares(month) or tuple(None for _ in days)
    most = max([*month.open, 1])
    return (
        Bars(
            scribe.say(N_("Recorded of each day, all cameras")),
            days,
            tuple(one or 0.0 for one in shares),
            tuple(f"{day}: {percent(one)}" for day, one in zip(days, shares, strict=True)),
            "100 %",
            "good",
        ),
        Bars(
            scribe.say(N_("Findings that stood at the end of each day")),
            days,
            tuple(one / most for one in month.open),
            tuple(f"{day}: {one}" for day, one in zip(days, month.open, strict=True)),
            str(most),
            "bad",
        ),
    )


def sentences(scribe: Scribe, month: Monthly) -> tuple[str, ...]:
    """The month in five sentences, made of its facts."""
    record, school = scribe.record, scribe.record.school
    shares = [one for one in mean_shares(month) if one is not None]
    faults = sum(one.found for one in month.stood)
    standing = sum(one.open for one in month.stood)
    training = month.training
    told = (
        Text(
            N_(
                "Of the known days %(percent)s is recorded by %(cameras)s cameras; %(full)s of them hold"
                " all the days that the rules demand (R3.1)."
            ),
            percent=percent(sum(shares) / len(shares) if shares else None),
            cameras=len(record.cameras),
            full=sum(one.days_held >= one.keep_days for one in record.cameras),
        ),
        Text(
            N_(
                "%(faults)s faults stood in the period, %(over)s are over and %(open)s stand; %(late)s stood"
                " for longer than 24 hours (R5.1)."
            ),
            faults=faults,
            over=faults - standing,
            open=standing,
            late=sum(one.too_long for one in month.stood),
        ),
        Text(
            N_(
                "%(filed)s applications were filed and %(approved)s approved; %(released)s copies left, and"
                " %(refused)s attempts were refused (R3.3, R4.2)."
            ),
            filed=month.filed,
            approved=month.approved,
            released=len(month.releases),
            refused=month.refused,
        ),
        Text(
            N_(
                "%(erased)s segments were erased with certificates; %(held)s holds are in force and"
                " %(lapsed)s ended (R3.1)."
            ),
            erased=sum(one.certificates for one in month.erasures),
            held=school.holds_in_force,
            lapsed=month.lapsed,
        ),
        Text(
            N_(
                "The last backup was at %(backup)s, the last read-back at %(read)s, the last drill at"
                " %(drill)s; %(violations)s violations and %(words)s suggestions stand in this report, and"
                " %(untrained)s people have not acknowledged the rules (R4.1, R5.2, R5.3, R7)."
            ),
            backup=scribe.local(school.last_backup),
            read=scribe.local(school.read_back_at),
            drill=scribe.local(school.drill_at),
            violations=len(month.violations),
            words=len(month.words),
            untrained=training.people - training.acknowledged if training else "—",
        ),
    )
    return tuple(scribe.say(one) for one in told)
