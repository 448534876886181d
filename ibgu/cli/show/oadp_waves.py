"""`ibgu oadp explain`: what is backed up and restored, in which order."""

from collections.abc import Callable, Iterator, Sequence

from ibgu.core.drivers.ibu.preflight import OadpContent
from ibgu.core.drivers.ibu.preflight.apply_label import entries
from ibgu.core.drivers.ibu.preflight.waves import LAST, grouped
from ibgu.core.model.document import Document, shown

_SHOWN = 4
"""Items of a list, at most."""


def wave_lines(content: OadpContent) -> Iterator[str]:
    if content.backups:
        yield "before the reboot: each wave is backed up when the one before it is complete"
        yield from _waves(content.backups, _selected)
    if content.restores:
        yield "after the reboot: each wave is restored when the one before it is complete"
        yield from _waves(content.restores, _restored)


def _waves(documents: Sequence[Document], what: Callable[[Document], str]) -> Iterator[str]:
    waves = grouped(documents)
    width = max(len(shown(each.name)) for each in documents)
    for number, (wave, members) in enumerate(waves, 1):
        end = number == len(waves)
        yield f"{'└─' if end else '├─'} {'no wave' if wave == LAST else f'wave {wave}'}"
        for place, each in enumerate(members, 1):
            branch = "└─" if place == len(members) else "├─"
            yield f"{'  ' if end else '│ '} {branch} {shown(each.name):<{width}}  {what(each)}"


def _selected(backup: Document) -> str:
    if labelled := entries(backup):
        kinds = dict.fromkeys(entry.resource or entry.text for entry in labelled)
        return f"{len(labelled)} labelled objects: {_some(list(kinds))}"
    spaced = backup.strings("spec", "includedNamespaces")
    scoped = backup.strings("spec", "includedClusterScopedResources")
    old = backup.strings("spec", "includedResources")
    listed = backup.strings("spec", "includedNamespaceScopedResources") or old
    places = f"namespace{'s' if len(spaced) > 1 else ''} {_some(spaced)}" if spaced else "all"
    found = f"{places}: {_some(listed) if listed else 'everything'}"
    return f"{found}; cluster-scoped: {_some(scoped)}" if scoped else found


def _restored(restore: Document) -> str:
    volumes = ", with its volumes" if restore.get("spec", "restorePVs") is True else ""
    return f"from Backup {shown(restore.string('spec', 'backupName')) or 'missing'}{volumes}"


def _some(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(map(shown, items[:_SHOWN])) + more
