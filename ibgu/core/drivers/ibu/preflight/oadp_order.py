"""P19: the order in which the Restores are applied."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import (
    OadpContent,
    is_cluster_scoped,
    is_klusterlet,
    is_platform,
)
from ibgu.core.drivers.ibu.preflight.waves import APPLY_WAVE, LAST, wave
from ibgu.core.model.document import Document, shown

_WAVE = ("metadata", "annotations", APPLY_WAVE)

P19 = PreflightRule(
    "P19",
    "Restores of the platform come before those of applications, cluster-scoped ones first",
    "15.1.2.4.1",
    f"Give the lower {APPLY_WAVE} to what must come first: the hub's agent, LVM "
    "Storage, cluster-scoped objects of applications, applications.",
)


def wrong_order(content: OadpContent) -> Iterator[PreflightFinding]:
    pairs = list(content.pairs())
    agent = [restore for backup, restore in pairs if is_klusterlet(backup)]
    storage = [
        restore for backup, restore in pairs if is_platform(backup) and not is_klusterlet(backup)
    ]
    apps = [(backup, restore) for backup, restore in pairs if not is_platform(backup)]
    for restore in (*agent, *storage):
        if late := _not_after(restore, [app for _, app in apps]):
            yield P19.error(
                restore.at(*_WAVE), f"{_when(restore)}, but must run before {_named(late)}"
            )
    for restore in agent:
        if early := [other for other in storage if wave(other) < wave(restore)]:
            yield P19.warning(
                restore.at(*_WAVE), f"{_when(restore)}, but should run before {_named(early)}"
            )
    namespaced = [restore for backup, restore in apps if not is_cluster_scoped(backup)]
    for backup, restore in apps:
        if is_cluster_scoped(backup) and (late := _not_after(restore, namespaced)):
            yield P19.warning(
                restore.at(*_WAVE), f"{_when(restore)}, but should run before {_named(late)}"
            )


def _not_after(restore: Document, others: list[Document]) -> list[Document]:
    return [other for other in others if wave(other) <= wave(restore)]


def _when(restore: Document) -> str:
    at = wave(restore)
    return "has no wave and runs last" if at == LAST else f"runs in wave {at}"


def _named(restores: list[Document]) -> str:
    first = restores[0]
    at = "no wave" if wave(first) == LAST else f"wave {wave(first)}"
    more = f" and {len(restores) - 1} more" if len(restores) > 1 else ""
    return f"{shown(first.name)} ({at}){more}"
