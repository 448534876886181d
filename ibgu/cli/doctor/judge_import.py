"""Judges whether clusters are kept from automatic import for a rollout that is gone (R31.7)."""

from collections.abc import Iterator, Sequence

from ibgu.cli.doctor.facts import ImportOff, Missing
from ibgu.cli.doctor.findings import Finding, warning
from ibgu.core.model.names import AUTO_IMPORT_BY, DISABLE_AUTO_IMPORT
from ibgu.core.text.counted import first_names

_CHECK = "automatic import"
_SHOWN = 3
"""Clusters that are named in a line."""


def judge_import(found: Sequence[ImportOff] | Missing) -> Iterator[Finding]:
    """Yields one finding for all clusters, and nothing where there is none. That clusters can't be
    listed is reported already."""
    if isinstance(found, Missing) or not found:
        return
    named = first_names((each.cluster for each in found), _SHOWN)
    words = f"automatic import stays off for a rollout that is gone: {named}"
    do = (
        "once the cluster is out of its upgrade, turn automatic import on: oc annotate "
        f"managedcluster {found[0].cluster} {DISABLE_AUTO_IMPORT}- {AUTO_IMPORT_BY}-"
    )
    yield warning(_CHECK, words, do)
