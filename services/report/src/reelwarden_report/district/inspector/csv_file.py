"""A table as a file for spreadsheets, for pages whose lists are not those of the API."""

from collections.abc import Iterable, Sequence

from fastapi import Response

from reelwarden_common.web.tables import as_csv


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """An answer that is saved as `<name>.csv`."""
    table = as_csv([dict(zip(head, row, strict=True)) for row in rows])
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)
