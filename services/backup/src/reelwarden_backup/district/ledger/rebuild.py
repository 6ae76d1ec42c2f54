"""`reelwarden backup rebuild`, also `python -m` this module: the ledger from the buckets alone."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import ValidationError
from rich.console import Console

from reelwarden_backup.district.ledger.bucket import Bucket, Rebuilt
from reelwarden_backup.district.ledger.settings import Settings
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import load
from reelwarden_common.errors import ReelwardenError
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings

NOT_DONE, PROBLEMS = 2, 1


async def rebuild(
    schools: Sequence[str], settings: Settings, s3_settings: S3Settings, clock: Clock = system_clock
) -> list[Rebuilt]:
    """Rebuild the ledger of these schools; it may run beside a ledger at work.

    Raises:
        StoreAway, NotAllowed, NotStored: a bucket cannot be read.
    """
    pool = await open_pool(settings.database_url.get_secret_value(), "backup")
    s3 = S3(s3_settings, settings.verify_parallel)
    units = PgUnits(pool, "ledger", lambda conn: LedgerStore(conn, clock))
    try:
        with Console(stderr=True).status("") as status:
            return [await Bucket(school, s3, units, status.update).rebuild() for school in schools]
    finally:
        s3.close()
        await pool.close()


def main(arguments: list[str] | None = None) -> int:
    """Read the buckets of all schools, or of some."""
    parser = argparse.ArgumentParser(prog="rebuild", description=__doc__)
    parser.add_argument("schools", nargs="*", help="ids; all of district.toml where none is named")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    asked = parser.parse_args(arguments)
    try:
        settings, s3 = Settings.read(), S3Settings.read()
        found = asyncio.run(rebuild(chosen(asked.schools, settings), settings, s3))
    except (ReelwardenError, ValidationError) as error:
        sys.stderr.write(f"not rebuilt: {error}\n")
        return NOT_DONE
    return tell(found, as_json=asked.json)


def chosen(schools: Sequence[str], settings: Settings) -> Sequence[str]:
    """The schools that were named, or all of the district's file.

    Raises:
        Refused: the file has no such school.
    """
    config = load(settings.district_toml)
    return [config.school(one).id for one in schools] or [one.id for one in config.schools]


def tell(found: Sequence[Rebuilt], *, as_json: bool) -> int:
    """Print what was found; returns the exit code."""
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1) + "\n")
    else:
        for one in found:
            sys.stdout.write(
                f"{one.school}: {one.records} backup records, {one.copies} copies"
                f" ({one.unlisted} of them in no record), {one.gone} erased on their day,"
                f" {one.missing} missing under lock\n"
            )
    for problem in (problem for one in found for problem in one.problems):
        sys.stderr.write(f"{problem}\n")
    return PROBLEMS if any(one.problems or one.missing for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
