"""The locator: for any valid document, the line it names is the one where the value stands."""

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.district.toml_lines import KeyPath, key_lines, line_of

DOCUMENT = '''\
# a comment with [brackets] and = signs
title = "a # b"   # not "this"
dotted.key.deep = 1

[plain]
list = [
  1,          # one ] here
  [2, 3],
  { x = 4, "y z" = [5] },
]
text = """
[not.a.table]
no = 'key'
"""
raw = \'\'\'
[[nor.this]]\'\'\'
when = 1979-05-27 07:32:00

[[schools]]
id = "s1"
[[schools.cameras]]
id = "a"
[schools.cameras.recorder]
folder = "x"
[[schools.cameras]]
id = "b"

[[schools]]
id = "s2"
cameras = [ { id = "c" },
            { id = "d", recorder = { folder = "y" } } ]
"quoted.key" = 1
'literal key' = 2
[implied.by.child]
k = 1
[implied]
j = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("dotted", "key", "deep"), 3),
        (("dotted",), 3),
        (("plain",), 5),
        (("plain", "list", 0), 7),
        (("plain", "list", 1, 1), 8),
        (("plain", "list", 2, "y z", 0), 9),
        (("plain", "text"), 11),
        (("plain", "raw"), 15),
        (("plain", "when"), 17),
        (("schools",), 19),
        (("schools", 0), 19),
        (("schools", 0, "cameras", 0, "recorder", "folder"), 24),
        (("schools", 0, "cameras", 1, "id"), 26),
        (("schools", 1), 28),
        (("schools", 1, "cameras", 0, "id"), 30),
        (("schools", 1, "cameras", 1, "recorder", "folder"), 31),
        (("schools", 1, "quoted.key"), 32),
        (("schools", 1, "literal key"), 33),
        (("implied", "by", "child", "k"), 35),
        (("implied",), 36),
        (("schools", 0, "missing"), 19),
        (("nowhere",), 1),
    ],
)
def test_every_way_to_write_a_key_is_located(path: KeyPath, line: int) -> None:
    assert line_of(key_lines(DOCUMENT), path) == line


def test_lines_are_counted_alike_with_windows_line_ends() -> None:
    assert key_lines(DOCUMENT.replace("\n", "\r\n")) == key_lines(DOCUMENT)


def leaves(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


KEYS = st.sampled_from(["a", "b", "c-1", "键", "with space", "dot.ted", 'quo"te', "#", "[x]"])
BLANKS = st.sampled_from(["", " ", "\n", ' # ] } , [[no]] = "\n', "\n\n  "])
FILLERS = st.sampled_from(["", "# [no.table]\n", "\n\n", "  # x = 1\n"])


def written(key: str) -> str:
    if key.isascii() and key.replace("-", "").isalnum():
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A valid document in mixed styles whose every value is a number or text of its own."""
    count = 0

    def leaf() -> str:
        nonlocal count
        count += 1
        marker = f"v{count}v"
        return draw(
            st.sampled_from([f'"{marker}"', f"'{marker}'", f'"""{marker}\n[t]\n"""', f"'''{marker}'''"])
        )

    def value(depth: int) -> str:
        shape = draw(st.sampled_from(["leaf", "list", "table"])) if depth else "leaf"
        if shape == "list":
            items = [value(depth - 1) for _ in range(draw(st.integers(0, 3)))]
            return "[" + ",".join(draw(BLANKS) + item + draw(BLANKS) for item in items) + draw(BLANKS) + "]"
        if shape == "table":
            pairs = [f"{written(key)} = {value(depth - 1)}" for key in draw(st.sets(KEYS, max_size=3))]
            return "{ " + ", ".join(pairs) + " }"
        return leaf()

    def body() -> str:
        keys = sorted(draw(st.sets(KEYS, max_size=4)))
        lines = []
        for key in keys:
            dotted = draw(st.booleans())
            inner = f"{written(key)} . sub" if dotted else written(key)
            lines.append(f"{draw(FILLERS)}{inner} = {value(2)}\n")
        return "".join(lines)

    text = body()
    for number in range(draw(st.integers(0, 3))):
        text += f"{draw(FILLERS)}[t{number}.inner]\n{body()}"
        for _ in range(draw(st.integers(0, 2))):
            text += f"[[t{number}.inner.many]]\n{body()}[t{number}.inner.many.below]\n{body()}"
    return text


def valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


@given(documents().filter(valid))
def test_the_line_found_is_where_the_value_stands(text: str) -> None:
    lines, source = key_lines(text), text.split("\n")
    for path, value in leaves(tomllib.loads(text)):
        marker = str(value).split("\n", maxsplit=1)[0]
        assert path in lines
        assert marker in source[lines[path] - 1]
