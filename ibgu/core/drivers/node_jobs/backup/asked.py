"""The backup that a person asks for: whether one can be taken like that."""

import re
from collections.abc import Iterator

from msgspec import Struct

from ibgu.core.drivers.node_jobs.backup.manifests import BackupForm
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.model.kinds import Backup

_FOLDER = re.compile(r"/(home/core|var/(backup|mnt|recovery))(/\w[\w.-]*)*", re.ASCII)


class BackupFields(Struct, frozen=True):
    """The names of the fields of a backup where a person wrote them."""

    form: str
    image: str
    path: str
    max_age: str


def problems_of_backup(backup: Backup, fields: BackupFields) -> Iterator[str]:
    """Yields a clause for each field that can't be used."""
    if backup.form not in set(BackupForm):
        yield f"{fields.form} {backup.form or '(none)'} is not {' or '.join(BackupForm)}"
    if not digest_of(backup.image):
        yield f"{fields.image} {backup.image or '(none)'} is not an image by sha256 digest"
    if backup.path and not _FOLDER.fullmatch(backup.path):
        yield (
            f"{fields.path} {backup.path[:60]!r} is not a folder in /home/core, /var/backup, "
            "/var/mnt or /var/recovery"
        )
    if backup.max_age_minutes < 1:
        yield f"{fields.max_age} {backup.max_age_minutes} is below 1"
