"""File names that tell a time: strftime templates, read backwards."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

PATTERNS: Mapping[str, str] = {
    "Y": r"\d{4}",
    "y": r"\d\d",
    "m": r"\d\d",
    "d": r"\d\d",
    "j": r"\d{3}",
    "H": r"\d\d",
    "I": r"\d\d",
    "p": r"[AaPp][Mm]",
    "M": r"\d\d",
    "S": r"\d\d",
    "f": r"\d{1,9}",
    "s": r"\d{9,10}",
    "z": r"Z|[+-]\d\d:?\d\d",
}
"""What each directive of `reelwarden_common.district.DIRECTIVES` writes."""
SHORTHANDS: Mapping[str, str] = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S"}
ANY = "{any}"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class NamedTime:
    """What a name says: one instant, or two where a local time can be read in two ways."""

    instants: tuple[datetime, ...]
    resolution_ms: int
    """How much later than that the segment may begin."""


class NameTemplate:
    """A path template such as `{source}/%Y-%m-%d_%H-%M-%S.mp4`, valid by `district.toml`'s own check.

    `{source}` is the recorder's name of the camera, `{any}` text that does not matter; a directive that comes
    again must say the same again. A template without an hour names a day, not a moment.
    """

    def __init__(self, template: str, source: str, zone: ZoneInfo) -> None:
        for shorthand, directives in SHORTHANDS.items():
            template = template.replace(shorthand, directives)
        self._source, self._zone = source, zone
        self._folders = template.split("/")[:-1]
        self._pattern = re.compile(self._strict(template))
        self._camera = re.compile("/".join(self._loose(part) for part in template.split("/")))

    @property
    def root(self) -> str:
        """The leading folders that all files share; may be empty."""
        fixed = []
        for folder in self._folders:
            if "%" in folder.replace("%%", "") or ANY in folder:
                break
            fixed.append(self._literal(folder))
        return "/".join(fixed)

    def belongs(self, path: str) -> bool:
        """Whether the path is this camera's by its folders, whatever time its name tells."""
        return self._camera.fullmatch(path) is not None

    def time(self, path: str) -> NamedTime | None:
        """What the path tells; None if it does not fit or names no possible time."""
        match = self._pattern.fullmatch(path)
        if match is None:
            return None
        fields = match.groupdict()
        try:
            return NamedTime(self._instants(fields), self._resolution_ms(fields))
        except (ValueError, OverflowError):
            return None

    def _strict(self, template: str) -> str:
        seen: set[str] = set()
        pattern = []
        for text, directive in re.findall(r"((?:[^%]|%%)+)|%(.)", template, re.DOTALL):
            if text:
                pattern.append(self._text(text))
            elif directive in seen:
                pattern.append(f"(?P={directive})")
            else:
                seen.add(directive)
                pattern.append(f"(?P<{directive}>{PATTERNS[directive]})")
        return "".join(pattern)

    def _text(self, text: str) -> str:
        return "[^/]*?".join(re.escape(self._literal(piece)) for piece in text.split(ANY))

    def _literal(self, text: str) -> str:
        return text.replace("%%", "%").replace("{source}", self._source)

    def _loose(self, part: str) -> str:
        """A path component without what it demands of a name, but with the camera's if it holds that."""
        if "%" not in part.replace("%%", "") and ANY not in part:
            return re.escape(self._literal(part))
        return f"[^/]*{re.escape(self._source)}[^/]*" if "{source}" in part else "[^/]+"

    def _resolution_ms(self, fields: Mapping[str, str]) -> int:
        if "f" in fields:
            return 100
        if fields.keys() & {"S", "s"}:
            return 1000
        if fields.keys() & {"H", "I"}:
            return 60_000
        day = _day(fields)
        ends = (datetime.combine(one, time(), self._zone) for one in (day, day + timedelta(days=1)))
        start, end = (moment.astimezone(UTC) for moment in ends)
        return (end - start) // timedelta(milliseconds=1)

    def _instants(self, fields: Mapping[str, str]) -> tuple[datetime, ...]:
        fraction = timedelta(microseconds=int(fields.get("f", "0").ljust(6, "0")[:6]))
        if "s" in fields:
            return (EPOCH + timedelta(seconds=int(fields["s"])) + fraction,)
        zone = _offset(fields["z"]) if "z" in fields else self._zone
        local = datetime.combine(_day(fields), _time(fields), tzinfo=zone) + fraction
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        return (first,) if first == second else (first, second)


def _day(fields: Mapping[str, str]) -> date:
    year = int(fields["Y"]) if "Y" in fields else 2000 + int(fields["y"])
    if "j" in fields:
        return date(year, 1, 1) + timedelta(days=int(fields["j"]) - 1)
    return date(year, int(fields["m"]), int(fields["d"]))


def _time(fields: Mapping[str, str]) -> time:
    if "I" in fields:
        hour = int(fields["I"]) % 12 + (12 if fields["p"].upper() == "PM" else 0)
    else:
        hour = int(fields.get("H", "0"))
    return time(hour, int(fields.get("M", "0")), int(fields.get("S", "0")))


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
