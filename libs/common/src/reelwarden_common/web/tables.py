"""Lists as tables for spreadsheets (CSV): Chinese reads right, and nothing is taken for a formula."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"
"""Without it the spreadsheet in most schools takes Chinese for something else."""


def cell(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as a table with a head; what is no single value stands as JSON in its cell.

    Args:
        rows: one for each line.
        columns: which, in this order; without them all that any row has.
    """
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([cell(row.get(name)) for name in names] for row in rows)
    return BYTE_ORDER_MARK + text.getvalue()
