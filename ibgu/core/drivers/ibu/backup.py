"""The backup of each cluster before its Upgrade, where annotations of the IBGU ask for one.

It is a part of Upgrade, as TALM's plans have no action for it: a run of its own, which marks the
ImageBasedUpgrade and leaves its stage alone.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP, Action
from ibgu.core.drivers.node_jobs.backup import job_manifests
from ibgu.core.drivers.node_jobs.backup.asked import BackupFields, problems_of_backup
from ibgu.core.drivers.node_jobs.verdicts import BACKUP_FAILURES, verdict_by_job
from ibgu.core.engine.driver import Part, Verdict, VerdictKind
from ibgu.core.model import ActionName, Rollout, Run, WorkView, names
from ibgu.core.model.kinds import Backup, JsonObject
from ibgu.core.text.harmless import one_line

_MINUTES = re.compile(r"0*([1-9]\d{0,4})", re.ASCII)
_MIN, _MAX = 30, 10080
"""Minutes. It takes some until the Job is gone from a cluster, and Upgrade may begin."""
_FIELDS = BackupFields(
    *(f"the annotation {name}:" for name in names.BACKUP_ANNOTATIONS),
)
_SHOWN = 40
"""Characters of a wrong value that are shown."""


class AskedBackup(Struct, frozen=True):
    """The backup that annotations ask for."""

    backup: Backup
    problem: str
    """Why none can be taken like that; empty: one can."""


def asked_backup(annotations: Mapping[str, str]) -> AskedBackup | None:
    """Returns the backup that the annotations ask for; None: none of them is there. A value that
    the journal would not keep whole can't be used, and no message repeats it."""
    asked = (key for key in names.BACKUP_ANNOTATIONS if key in annotations)
    given = {key: names.journaled(annotations[key]).strip() for key in asked}
    if not given:
        return None
    backup = Backup(
        form=given.get(names.BACKUP, ""),
        image=given.get(names.BACKUP_IMAGE, ""),
        path=given.get(names.BACKUP_PATH, ""),
    )
    max_age = given.get(names.BACKUP_MAX_AGE)
    if max_age is not None:
        found = _MINUTES.fullmatch(max_age)
        if found is None or not _MIN <= int(found[1]) <= _MAX:
            shown = one_line(max_age[:_SHOWN])
            expected = f"minutes from {_MIN} to {_MAX}, as 240"
            problem = f'the annotation {names.BACKUP_MAX_AGE} is "{shown}"; expected: {expected}'
            return AskedBackup(backup, problem)
        backup = replace(backup, max_age_minutes=int(found[1]))
    return AskedBackup(backup, one_line(next(problems_of_backup(backup, _FIELDS), "")))


def part_of_upgrade(action: ActionName, annotations: Mapping[str, str]) -> Part | None:
    """Returns the backup that comes before Upgrade; None: none does."""
    asked = asked_backup(annotations) if action == Action.UPGRADE else None
    if asked is None:
        return None
    within = timedelta(minutes=asked.backup.max_age_minutes)
    return Part(action=UPGRADE_BACKUP, within=within, problem=asked.problem)


def missing_backup(action: ActionName, annotations: Mapping[str, str]) -> str:
    """Returns why there is no backup before the action; empty: there is one, or it is another
    action."""
    if action != Action.UPGRADE or asked_backup(annotations) is not None:
        return ""
    return f"the rollout asks for none; annotate it with {names.BACKUP} and {names.BACKUP_IMAGE}"


def job_of(rollout: Rollout, run: Run) -> Sequence[JsonObject]:
    """Returns the run's Job with what it needs; none where the annotations are gone, or wrong. The
    seed image says nothing about the release image, so that the script compares with none."""
    asked = asked_backup(rollout.controls)
    if asked is None or asked.problem:
        return ()
    return job_manifests(asked.backup, "", run.id)


def verdict_on_backup(work: WorkView) -> Verdict:
    """Returns how the backup goes by the work that brings its Job; after it comes the Upgrade."""
    found = verdict_by_job(work, BACKUP_FAILURES)
    if found.kind is not VerdictKind.SUCCEEDED:
        return found
    return replace(found, again=True, message="taken the backup")
