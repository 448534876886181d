"""docs/reference/preflight-rules.md: what is checked before anything starts."""

from collections.abc import Sequence

from ibgu.core.drivers.ibu.preflight import FactSource, PreflightRule
from ibgu.core.drivers.ibu.preflight.judge import ANY_KIND
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.preflight.updates import UPDATE_RULES
from tests.docs.reference.markdown import document, sentence, table

SOURCES = {FactSource.CLUSTER: "The cluster", FactSource.IBGU: "ibgu itself"}
INTRO = """\
`ibgu preflight` checks a plan by the rules of its kind ([Preflight](../guides/preflight.md)).
{any} hold for every kind. `ibgu oadp lint` checks P15 to P24 in files, `ibgu manifests lint`
P18 and P25 to P28 ([Backups and manifests](../guides/oadp-content.md)). An error means that the
upgrade fails, or that something is lost; a warning, that it may be so. What only the cluster knows
is unknown until [the clusters are inspected](../guides/preflight.md#what-only-the-cluster-knows).
The chapters are those of OpenShift's manual."""


def page() -> str:
    parts = ["## Image-based upgrades", _table(RULES), "## FleetUpdates", _table(UPDATE_RULES)]
    shared = [rule.id for check in ANY_KIND for rule in check.rules]
    intro = INTRO.format(any=f"{', '.join(shared[:-1])} and {shared[-1]}")
    return document("Preflight rules", intro, *parts)


def _table(rules: Sequence[PreflightRule]) -> str:
    rows = ([r.id, sentence(r.title), r.reference, _source(r), sentence(r.remedy)] for r in rules)
    return table(("Rule", "What holds", "Chapter", "Source", "Remedy"), rows)


def _source(rule: PreflightRule) -> str:
    return f"{SOURCES[rule.source]}: {rule.fact}." if rule.fact else "The hub."
