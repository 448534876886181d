"""docs/reference/preflight-rules.md: what is checked before anything starts."""

from ibgu.core.drivers.ibu.preflight import FactSource, PreflightRule
from ibgu.core.drivers.ibu.preflight.registry import RULES
from tests.docs.reference.markdown import document, sentence, table

SOURCES = {FactSource.CLUSTER: "The cluster", FactSource.IBGU: "ibgu itself"}
INTRO = """\
`ibgu preflight` checks all of them ([Preflight](../guides/preflight.md)), `ibgu oadp lint` P15 to
P24 in files, `ibgu manifests lint` P18 and P25 to P28 ([Backups and
manifests](../guides/oadp-content.md)). An error means that the upgrade fails, or that
something is lost; a warning, that it may be so. What only the cluster knows is unknown until
[the clusters are inspected](../guides/preflight.md#what-only-the-cluster-knows). The chapters are
those of OpenShift's manual."""


def page() -> str:
    rows = ([r.id, sentence(r.title), r.reference, _source(r), sentence(r.remedy)] for r in RULES)
    header = ("Rule", "What holds", "Chapter", "Source", "Remedy")
    return document("Preflight rules", INTRO, table(header, rows))


def _source(rule: PreflightRule) -> str:
    return f"{SOURCES[rule.source]}: {rule.fact}." if rule.fact else "The hub."
