"""On which line does a TOML document say something? `tomllib` parses, but does not tell."""

import re
import tomllib
from bisect import bisect_left

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the root, as in a pydantic error's `loc`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) on which each key, table and list element of a *valid* document begins."""
    return _Scan(text).document()


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of a path, or of the innermost thing around it (for what is missing)."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


class _Scan:
    """One walk through a document that `tomllib` has accepted, so it need not doubt the syntax."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._elements: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._next("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.lines

    def _header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`; a part that names a list of tables means its newest element."""
        line, brackets = self._line(), 2 if self._next("[[") else 1
        self.at += brackets
        path: KeyPath = ()
        parts = self._key()
        for part in parts[:-1]:
            path = (*path, part)
            self.lines.setdefault(path, line)
            if path in self._elements:
                path = (*path, self._elements[path])
        path = (*path, parts[-1])
        if brackets == 1:
            self.lines[path] = line
        else:
            self.lines.setdefault(path, line)
            self._elements[path] = self._elements.get(path, -1) + 1
            path = (*path, self._elements[path])
            self.lines[path] = line
        self.at += brackets
        return path

    def _pair(self, path: KeyPath) -> None:
        line = self._line()
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.at += 1  # the =
        self._skip(_SPACES)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._next("["):
            self._list(path)
        elif self._next("{"):
            self._inline_table(path)
        elif not self._skip(_STRING):
            self._skip(_BARE_VALUE)

    def _list(self, path: KeyPath) -> None:
        self._past("[")
        index = 0
        while not self._next("]"):
            self.lines[*path, index] = self._line()
            self._value((*path, index))
            index += 1
            self._past(",")
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._past("{")
        while not self._next("}"):
            self._pair(path)
            self._past(",")
        self.at += 1

    def _past(self, mark: str) -> None:
        """Step over a bracket or comma, if there is one, and the blanks and comments around it."""
        self._skip(_BLANK)
        if self._next(mark):
            self.at += 1
        self._skip(_BLANK)

    def _key(self) -> list[str]:
        """Read a dotted key, up to what follows it."""
        parts: list[str] = []
        while True:
            self._skip(_SPACES)
            quoted = self._skip(_STRING)
            parts.append(tomllib.loads(f"k = {quoted}")["k"] if quoted else self._skip(_BARE_KEY))
            self._skip(_SPACES)
            if not self._next("."):
                return parts
            self.at += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()

    def _next(self, start: str) -> bool:
        return self.text.startswith(start, self.at)

    def _line(self) -> int:
        return bisect_left(self._breaks, self.at) + 1
