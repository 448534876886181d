"""All rules about one sort of content."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from ibgu.core.drivers.ibu.preflight import manifests, oadp_objects, oadp_pairs
from ibgu.core.drivers.ibu.preflight.apply_label import bad_labels, refused_resources
from ibgu.core.drivers.ibu.preflight.manifests import P25, ManifestContent
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, Severity
from ibgu.core.drivers.ibu.preflight.oadp import OadpContent
from ibgu.core.drivers.ibu.preflight.oadp_objects import P15
from ibgu.core.drivers.ibu.preflight.oadp_order import wrong_order
from ibgu.core.drivers.ibu.preflight.oadp_specs import rejected_specs
from ibgu.core.drivers.ibu.preflight.oadp_storage import lost_volumes
from ibgu.core.drivers.ibu.preflight.waves import too_many_waves, unreadable_waves
from ibgu.core.model.document import Document

Found = Iterator[PreflightFinding]
_MAX_FINDINGS = 1_000
"""The documents that are checked together; the findings of a severity that are kept."""
_OADP: tuple[Callable[[OadpContent], Found], ...] = (
    oadp_objects.malformed_objects,
    rejected_specs,
    oadp_pairs.unpaired,
    oadp_objects.unnamed_or_repeated,
    lambda content: unreadable_waves([*content.backups, *content.restores]),
    lambda content: too_many_waves(content.restores, content.itself),
    wrong_order,
    bad_labels,
    oadp_pairs.agent_lost,
    refused_resources,
    lost_volumes,
)
_MANIFESTS: tuple[Callable[[ManifestContent], Found], ...] = (
    manifests.refused_manifests,
    lambda content: unreadable_waves(content.objects),
    lambda content: too_many_waves(content.objects, content.itself),
    manifests.storage_manifests,
    manifests.namespaces_too_late,
    manifests.foreign_catalogs,
)


def lint_oadp(content: OadpContent) -> list[PreflightFinding]:
    """Returns what P15 to P24 and P42 find, by file and line."""
    if len(content.documents) > _MAX_FINDINGS:
        return [P15.error(content.itself, _too_many(content.documents))]
    return _sorted(found for check in _OADP for found in check(content))


def lint_manifests(content: ManifestContent) -> list[PreflightFinding]:
    """Returns what P18, P25 to P28 and P42 find, by file and line."""
    if len(content.documents) > _MAX_FINDINGS:
        return [P25.error(content.itself, _too_many(content.documents))]
    return _sorted(found for check in _MANIFESTS for found in check(content))


def _too_many(documents: Sequence[Document]) -> str:
    return f"has {len(documents)} documents: at most {_MAX_FINDINGS} are checked together"


def _sorted(findings: Iterable[PreflightFinding]) -> list[PreflightFinding]:
    """Returns the findings, at most so many of each severity: content may be wrong everywhere."""
    kept: dict[Severity, list[PreflightFinding]] = {each: [] for each in Severity}
    for found in findings:
        if len(kept[found.severity]) < _MAX_FINDINGS:
            kept[found.severity].append(found)
    return sorted(chain(*kept.values()), key=lambda found: found.order)
