"""Checks that no update began without a recent backup where one is asked for (R47.6)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ibgu.core.model import names
from ibgu.core.model.bounds import moment
from ibgu.db.journal.evidence import FEEDBACK
from tests.oracle.audit import MemberEventContext
from tests.oracle.cases import BackupCase, ReleaseChange, RunCase
from tests.oracle.rules import Rule


def asked_for(data: dict[str, Any]) -> timedelta | None:
    """Returns how old a backup may be, by what the log has of the object's spec; None: it asks for
    none."""
    minutes = data.get("backup_minutes")
    return None if minutes is None else timedelta(minutes=minutes)


def asked_by(controls: Mapping[str, Any]) -> timedelta | None:
    """Returns how old a backup may be by the annotations of the object; None: they ask for none.
    What they say can't be wrong where an action starts: it is kept until they are right."""
    if not any(key in controls for key in names.BACKUP_ANNOTATIONS):
        return None
    minutes = str(controls.get(names.BACKUP_MAX_AGE, "240")).strip()
    return timedelta(minutes=int(minutes) if minutes.isdecimal() else 240)


def taken(spot: MemberEventContext, run: RunCase) -> None:
    """Notes the backup that the run has taken. It is as old as the cluster says, between the run's
    arming and the news of it: a cluster's clock proves nothing."""
    if run.action not in spot.proofs.backups.values():
        return
    job = spot.event.data.get("seen", {}).get(FEEDBACK, {}).get("job", {})
    earliest = run.arming_at or spot.event.at
    completed_at = moment(str(job.get("completed", ""))) or earliest
    note(spot, run.action, min(max(completed_at, earliest), spot.event.at))


def note(spot: MemberEventContext, action: str, made_at: datetime) -> None:
    key = (spot.member.uid, action)
    known = spot.rollout.backups.get(key)
    if known is None or known.made_at < made_at:
        spot.rollout.backups[key] = BackupCase(made_at, spot.event.seq)


def imported(spot: MemberEventContext) -> None:
    """Notes the backups of an imported member, as old as the import says."""
    for action, timestamp in spot.event.data.get("made", {}).items():
        made_at = moment(str(timestamp))
        if made_at is not None:
            note(spot, action, made_at)


def needed(spot: MemberEventContext, action: str) -> bool:
    """Whether the action needs a backup. One that the cluster was seen to have begun needs none any
    more."""
    if spot.rollout.max_age is None or action not in spot.proofs.backups:
        return False
    seen = spot.event.data.get("seen", {}).get(FEEDBACK, {})
    if spot.proofs.begun(seen, spot.rollout.seed):
        return False
    return not (between(spot) and spot.proofs.missing(seen, action))


def part_due(spot: MemberEventContext, action: str) -> bool:
    """Whether a part comes before the action by what is asked for now: a person may ask for it when
    the run has begun already."""
    part = spot.proofs.backups.get(action, "")
    return spot.rollout.max_age is not None and part in spot.proofs.parts


def between(spot: MemberEventContext) -> bool:
    """Whether the cluster has begun to take the intermediate release. The backup from before it is
    that of the next hop, too, however long this one takes (R49.6)."""
    seen = spot.event.data.get("seen", {}).get(FEEDBACK, {})
    return bool(spot.rollout.via) and spot.proofs.begun(seen, spot.rollout.via)


def recent(spot: MemberEventContext, action: str, what: str) -> None:
    """Checks that the backup which the action needs was taken in this rollout, of this cluster, and
    is not too old now."""
    backup, most = spot.proofs.backups[action], spot.rollout.max_age
    found = spot.rollout.backups.get((spot.member.uid, backup))
    words = f"{spot.name} {what} {action} without a {backup} that succeeded in this rollout"
    if not spot.require(Rule.ORDER, found is not None, words) or found is None or most is None:
        return
    later = (each for each in _changes(spot, found) if each.seq > found.seq)
    change = next(later, None)
    words = f"{spot.name} {what} {action} with a {backup} from before another rollout's upgrade"
    spot.require(Rule.ORDER, change is None, words, found.seq, change.seq if change else 0)
    run = spot.member.run
    first_hop = spot.member.first_hop if run is not None and run.between else None
    age = (first_hop or spot.event.at) - found.made_at
    words = f"{spot.name} {what} {action} with a {backup} that is {age} old, {most} at most"
    spot.require(Rule.ORDER, age <= most, words, found.seq)


def check_outdated(spot: MemberEventContext, action: str) -> None:
    """Checks that the backup is too old for the action, before which it is taken once more, or from
    before another release. What an import knows of other rollouts is not in the log."""
    found = spot.rollout.backups.get((spot.member.uid, spot.proofs.backups[action]))
    most = spot.rollout.max_age
    words = f"{spot.name} repeats a backup that is not too old for {action}"
    outdated = found is not None and most is not None and spot.event.at - found.made_at > most
    changed = found is not None and any(_changes(spot, found))
    outdated |= changed or any(each.restored for each in spot.audit.rollouts.values())
    spot.require(Rule.ORDER, outdated, words, found.seq if found is not None else 0)


def note_change(spot: MemberEventContext, run: RunCase | None, at: datetime | None) -> None:
    """Notes that the run may have taken the cluster to another release, or back, at that time;
    None: it has not."""
    if run is None or run.action not in spot.proofs.reboots:
        return
    known = spot.audit.cluster(spot.member.uid).release_changes
    if at is None:
        known.pop(run.id, None)
    else:
        known[run.id] = ReleaseChange(at, spot.rollout.uid, spot.event.seq)


def _changes(spot: MemberEventContext, backup: BackupCase) -> Iterator[ReleaseChange]:
    """Yields what other rollouts did with the cluster after the backup, as the times say. Where a
    clock was set back, they may have done it before: only the order of the log proves that."""
    for each in spot.audit.cluster(spot.member.uid).release_changes.values():
        if each.rollout != spot.rollout.uid and each.at > backup.made_at:
            yield each


def note_hop(spot: MemberEventContext, run: RunCase) -> None:
    """Notes since when the member has taken its cluster to the intermediate release: the backup
    from before that is the one of the last hop, too (R49.6). A run that found the cluster through
    with that release took it nowhere."""
    if between(spot) and not (run.between and run.backup):
        spot.member.first_hop = spot.member.first_hop or run.intended_at
