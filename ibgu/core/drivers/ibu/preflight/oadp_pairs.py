"""P16, P21, P22: which Backups and Restores have to be there."""

from collections import Counter
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from ibgu.core.drivers.ibu.preflight.apply_label import entries
from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import (
    AGENT_NAMESPACE,
    APPLY_LABEL,
    OadpContent,
    is_klusterlet,
)
from ibgu.core.model.document import Document, shown

IBU_ROLE = (
    "rbac.authorization.k8s.io/v1/clusterroles/open-cluster-management:klusterlet-work:ibu-role"
)
PULL_SECRET = f"v1/secrets/{AGENT_NAMESPACE}/open-cluster-management-image-pull-credentials"
_COMPARED = 50
"""Backups, at most, whose names are compared with one that doesn't exist."""
_LABEL = ("metadata", "annotations", APPLY_LABEL)

P16 = PreflightRule(
    "P16",
    "Each Backup has one Restore that names it",
    "15.2.4.1",
    "Add what is missing, or correct spec.backupName.",
)
P21 = PreflightRule(
    "P21",
    "The agent of the hub is backed up and restored, with its right to upgrade",
    "15.2.5.1",
    "Add PlatformBackupRestoreWithIBGU.yaml of the ZTP container image.",
)
P22 = PreflightRule(
    "P22",
    "The agent's pull secret is backed up if the hub has one",
    "15.2.4.1",
    f"List {PULL_SECRET} in {APPLY_LABEL} if spec.imagePullSecret of the MultiClusterHub is set, "
    "and only then.",
)


def unpaired(content: OadpContent) -> Iterator[PreflightFinding]:
    backups, restores = content.backups, content.restores
    if not (backups or restores):
        yield P16.error(content.itself, "contains neither a Backup nor a Restore")
        return
    known = {each.name for each in backups}
    named: Counter[str] = Counter()
    for restore in restores:
        backup = restore.string("spec", "backupName")
        at = restore.at("spec", "backupName")
        named[backup] += 1
        if backup not in known:
            yield P16.error(at, _no_backup(backup, known))
        elif named[backup] > 1:
            find = P16.warning if len(backups) == len(restores) else P16.error
            yield find(at, f"another Restore already names Backup {shown(backup)}")
    for each in backups:
        if each.name not in named:
            find = P16.warning if len(backups) == len(restores) else P16.error
            yield find(each.at("metadata", "name"), "no Restore names this Backup")


def _no_backup(name: str, known: Collection[str]) -> str:
    if not name:
        return "is missing"
    # Comparing takes time with the square of the length: these texts may be anything.
    comparable = len(known) <= _COMPARED and all(map(is_object_name, (name, *known)))
    near = get_close_matches(name, known, 1) if comparable else []
    meant = f": did you mean {shown(near[0])}?" if near else ""
    return f"Backup {shown(name)} doesn't exist{meant}"


def agent_lost(content: OadpContent) -> Iterator[PreflightFinding]:
    agents = [each for each in content.backups if is_klusterlet(each)]
    if not agents:
        words = f"no Backup includes namespace {AGENT_NAMESPACE}: the hub loses the cluster"
        yield P21.error(content.itself, words)
    for agent in agents:
        listed = [entry.text for entry in entries(agent)]
        if listed and IBU_ROLE not in listed:
            words = f"doesn't list {IBU_ROLE}: the role is missing after the upgrade"
            yield P21.warning(agent.at(*_LABEL), words)
        yield from _pull_secret(agent, listed, content.pull_secret)


def _pull_secret(
    agent: Document, listed: list[str], there: bool | None
) -> Iterator[PreflightFinding]:
    if there is False and PULL_SECRET in listed:
        words = (
            f"lists {PULL_SECRET}, but the hub has no pull secret: Prep fails on a cluster without "
            "that Secret"
        )
        yield P22.warning(agent.at(*_LABEL), words)
    if there and listed and PULL_SECRET not in listed:
        yield P22.warning(agent.at(*_LABEL), f"doesn't list {PULL_SECRET}")
