"""Waves as trees: what is backed up, applied and restored, in which order."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import typer

from ibgu.cli.errors import fail
from ibgu.cli.show.output_style import page
from ibgu.core.drivers.ibu.preflight import ManifestContent, OadpContent
from ibgu.core.drivers.ibu.preflight.apply_label import entries
from ibgu.core.drivers.ibu.preflight.waves import LAST, applied, grouped
from ibgu.core.model.document import Document, shown
from ibgu.core.text.counted import counted, first_names

_SHOWN = 4
"""Items of a list, at most."""


def draw(lines: Iterable[str], documents: Iterable[Document], nothing: str) -> None:
    """Prints the lines; documents that can't be read are missing in them, and end the command."""
    drawn = list(lines)
    if drawn:
        typer.echo(page(drawn))
    if unread := [each for each in documents if each.problem]:
        first = unread[0]
        number = counted(len(unread), "document")
        fail(f"{number} can't be read: {first.file}:{first.line} {first.problem}")
    if not drawn:
        fail(f"the files contain {nothing}")


def manifest_lines(content: ManifestContent) -> Iterator[str]:
    if content.objects:
        yield "after the reboot, before the Restores: one object after the other, in this order"
        waves = [(number, applied(wave)) for number, wave in grouped(content.objects)]
        yield from _drawn(waves, _place, lambda document: document.kind)


def _place(document: Document) -> str:
    return shown("/".join(filter(None, (document.namespace, document.name))))


def wave_lines(content: OadpContent) -> Iterator[str]:
    if content.backups:
        yield "before the reboot: each wave is backed up when the one before it is complete"
        yield from _drawn(grouped(content.backups), _selected)
    if content.restores:
        yield "after the reboot: each wave is restored when the one before it is complete"
        known = {each.name for each in content.backups}
        yield from _drawn(grouped(content.restores), lambda restore: _restored(restore, known))


def _name(document: Document) -> str:
    return document.name


def _drawn(
    waves: Sequence[tuple[int, Sequence[Document]]],
    what: Callable[[Document], str],
    name: Callable[[Document], str] = _name,
) -> Iterator[str]:
    width = max(len(shown(name(each))) for _, members in waves for each in members)
    for number, (wave, members) in enumerate(waves, 1):
        end = number == len(waves)
        yield f"{'└─' if end else '├─'} {'no wave' if wave == LAST else f'wave {wave}'}"
        for place, each in enumerate(members, 1):
            branch = "└─" if place == len(members) else "├─"
            yield f"{'  ' if end else '│ '} {branch} {shown(name(each)):<{width}}  {what(each)}"


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


def _restored(restore: Document, backups: Collection[str]) -> str:
    name = restore.string("spec", "backupName")
    if name not in backups:
        return f"from Backup {shown(name)}, which doesn't exist" if name else "from no Backup"
    volumes = ", with its volumes" if restore.get("spec", "restorePVs") is True else ""
    return f"from Backup {shown(name)}{volumes}"


def _some(items: Sequence[str]) -> str:
    return first_names(map(shown, items), _SHOWN)
