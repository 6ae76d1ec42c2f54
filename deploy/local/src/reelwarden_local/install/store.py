"""The S3 store of a district: two buckets a school, one for checkpoints, and who may do what in them."""

from collections.abc import Iterator, Mapping, Sequence

from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from reelwarden_common.errors import Transient
from reelwarden_local.servers.seaweedfs import READ_RIGHTS, WRITE_RIGHTS, Identity
from reelwarden_report.district.registrar.deposit import BUCKET as CHECKPOINTS

ADMIN = ("Admin", "Read", "Write", "List", "Tagging")


class StoreNotReady(Transient):
    """The store does not answer, or refused; the message says what."""


def buckets(school: str) -> tuple[str, str]:
    """A school's buckets: footage, and what was exported."""
    return f"rw-footage-{school}", f"rw-exports-{school}"


def identities(schools: Sequence[str], secret_keys: Mapping[str, str]) -> list[Identity]:
    """Who may use the store, by access key: a school its own two buckets, the district reads.

    The registrar adds checkpoints of the custody logs to a bucket of its own.

    Args:
        schools: Their ids.
        secret_keys: By access key; `admin` only where we run the store.
    """
    rights: dict[str, Sequence[str]] = {
        "desk": [f"{act}:{buckets(s)[1]}" for s in schools for act in READ_RIGHTS],
        "ledger": [f"{act}:{buckets(s)[0]}" for s in schools for act in READ_RIGHTS],
        "registrar": [f"{act}:{CHECKPOINTS}" for act in WRITE_RIGHTS],
    }
    if "admin" in secret_keys:
        rights["admin"] = ADMIN
    for s in schools:
        rights[f"site-{s}"] = [f"{act}:{bucket}" for bucket in buckets(s) for act in WRITE_RIGHTS]
    return [Identity(name, name, secret_keys[name], actions) for name, actions in rights.items()]


def make_buckets(admin: Minio, schools: Sequence[str]) -> Iterator[str]:
    """Make what buckets are missing, with object lock, which cannot be added later; yields their names.

    Raises:
        StoreNotReady: the store does not answer, or the key may not.
    """
    try:
        for bucket in (*(one for school in schools for one in buckets(school)), CHECKPOINTS):
            if not admin.bucket_exists(bucket):
                admin.make_bucket(bucket, object_lock=True)
                yield bucket
    except (MinioException, HTTPError, OSError) as error:
        raise StoreNotReady(f"buckets: {error}") from error
