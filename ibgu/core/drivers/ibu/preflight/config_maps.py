"""P13, P14, P39, and P15 to P28 and P42 for the ConfigMaps that the hub has."""

from collections.abc import Iterator, Sequence

from ibgu.core.drivers.ibu.preflight.apply_label import P20, P23
from ibgu.core.drivers.ibu.preflight.facts import ConfigMapFacts, Lookup, PreflightFacts
from ibgu.core.drivers.ibu.preflight.hub_templates import P42
from ibgu.core.drivers.ibu.preflight.lint import lint_manifests, lint_oadp
from ibgu.core.drivers.ibu.preflight.manifests import P25, P26, P27, P28, ManifestContent
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import OadpContent, is_klusterlet
from ibgu.core.drivers.ibu.preflight.oadp_objects import P15, P17
from ibgu.core.drivers.ibu.preflight.oadp_order import P19
from ibgu.core.drivers.ibu.preflight.oadp_pairs import P16, P21, P22
from ibgu.core.drivers.ibu.preflight.oadp_storage import P24
from ibgu.core.drivers.ibu.preflight.waves import P18
from ibgu.core.model.document import Document, ObjectField, shown

OADP_CONTENT = "spec.ibuSpec.oadpContent"
EXTRA_MANIFESTS = "spec.ibuSpec.extraManifests"
_OF_ALL = (P16, P19, P21, P22, P24)
"""Rules that judge Backups and Restores by all the others: a part of them tells nothing."""
OADP_RULES = (P15, P16, P17, P18, P19, P20, P21, P22, P23, P24, P42)
MANIFEST_RULES = (P18, P25, P26, P27, P28, P42)
_PARTLY = "was not read as a whole"
_REMEDY = "Create the ConfigMap on the hub, or deliver it to the clusters another way."

P13 = PreflightRule(
    "P13",
    "The ConfigMaps of the OADP content are on the hub",
    "15.2.5.1",
    _REMEDY,
)
P14 = PreflightRule(
    "P14",
    "The ConfigMaps of the extra manifests are on the hub",
    "15.4.1",
    _REMEDY,
)
P39 = PreflightRule(
    "P39",
    "The ConfigMaps and the pull secret fit into a ManifestWork",
    "Open Cluster Management",
    "Make the largest ConfigMap smaller, or deliver it to the clusters another way.",
)


def oadp_maps(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from _maps(P13, facts.oadp, facts.at(OADP_CONTENT))


def manifest_maps(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from _maps(P14, facts.manifests, facts.at(EXTRA_MANIFESTS))


def _maps(
    rule: PreflightRule, found: Sequence[ConfigMapFacts], field: ObjectField
) -> Iterator[PreflightFinding]:
    for each in found:
        at = ObjectField(f"ConfigMap {shown(each.name)}")
        match each.lookup:
            case Lookup.MISSING:
                words = "is not on the hub: create it, or deliver it to the clusters another way"
                yield rule.warning(at, words)
            case Lookup.FORBIDDEN:
                yield rule.unknown(at, "was not checked: you may not read it")
            case Lookup.IMPOSSIBLE:
                yield rule.error(at, f"can't exist: {each.problem}")
    if left_out := [each for each in found if each.lookup is Lookup.LEFT_OUT]:
        yield rule.warning(
            field, f"names {len(left_out)} ConfigMaps more than {left_out[0].problem}"
        )


def too_large(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    if facts.payload.problem:
        yield P39.error(facts.at("spec.ibuSpec"), facts.payload.problem)
    elif not _read(facts.payload.config_maps):
        yield P39.unknown(facts.at("spec.ibuSpec"), _PARTLY)


def oadp_content(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    there = facts.payload.agent_pull_secret
    documents = _documents(facts.oadp)
    content = OadpContent(documents, pull_secret=there)
    if _read(facts.oadp):
        yield from lint_oadp(content)
        if there is None and any(is_klusterlet(each) for each in content.backups):
            words = "it is unknown whether the hub gives its agents a pull secret"
            yield P22.unknown(ObjectField("MultiClusterHub", "spec.imagePullSecret"), words)
        return
    for found in lint_oadp(content) if documents else ():
        if found.rule not in _OF_ALL:
            yield found
    for rule in OADP_RULES:
        yield rule.unknown(facts.at(OADP_CONTENT), _PARTLY)


def manifest_content(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    documents = _documents(facts.manifests)
    if documents:
        yield from lint_manifests(ManifestContent(documents, facts.target))
    if not _read(facts.manifests):
        for rule in MANIFEST_RULES:
            yield rule.unknown(facts.at(EXTRA_MANIFESTS), _PARTLY)


def _read(found: Sequence[ConfigMapFacts]) -> bool:
    return all(each.lookup is Lookup.FOUND and not each.problem for each in found)


def _documents(found: Sequence[ConfigMapFacts]) -> tuple[Document, ...]:
    return tuple(document for each in found for document in each.documents)
