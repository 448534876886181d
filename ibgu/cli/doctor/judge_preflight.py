"""Judges whether preflight can know all that it may: inspections of clusters, and the catalogue of
seed images. Rollouts do without both."""

from collections.abc import Iterator

from ibgu.cli.doctor.facts import HubFacts, Rights
from ibgu.cli.doctor.findings import Finding, ok, warning
from ibgu.controller.inspections.reading_works import READ_ONLY, TOO_OLD
from ibgu.hub import paths
from ibgu.hub.discovery import Served

_INSPECTIONS, _SEEDS = "inspections", "seed images"
_UNKNOWN = "what only the clusters know stays unknown to preflight"


def judge_preflight(facts: HubFacts) -> Iterator[Finding]:
    """Yields nothing while it is not known what the hub serves: that is reported already."""
    if isinstance(facts.served, Served):
        yield _inspections(facts.served, facts.rights, on=facts.inspections is True)
        yield _seed_images(facts.served)


def _inspections(served: Served, rights: object, *, on: bool) -> Finding:
    old = served.works and READ_ONLY not in served.update_strategies
    upgrade = "upgrade Open Cluster Management (ACM) on the hub and the clusters"
    if not on:
        could = f", and {TOO_OLD}" if old else "; the hub could carry them"
        return ok(_INSPECTIONS, f"off (IBGU_PREFLIGHT_INSPECTIONS){could}")
    if not served.works:
        return warning(_INSPECTIONS, f"no ManifestWork is served: {_UNKNOWN}", "see above")
    if old:
        return warning(_INSPECTIONS, f"on, but {TOO_OLD}: {_UNKNOWN}", upgrade)
    if refused := _refused(rights):
        words = f"on, but ibgu may not {', '.join(refused)} ManifestWorks: {_UNKNOWN}"
        return warning(_INSPECTIONS, words, "see the findings about rights above")
    return ok(_INSPECTIONS, f"on, and the hub's ManifestWorks have the update strategy {READ_ONLY}")


def _refused(rights: object) -> list[str]:
    """Returns the verbs that an inspection lacks."""
    refused = rights.refused if isinstance(rights, Rights) else ()
    verbs = (each.verb for each in refused if each.group == paths.WORK_GROUP)
    return list(dict.fromkeys(verbs))


def _seed_images(served: Served) -> Finding:
    if served.seed_images:
        return ok(_SEEDS, "the CRD of the catalogue is served")
    return warning(
        _SEEDS,
        "the CRD SeedImage is not installed: there is no catalogue of seeds, and preflight "
        "compares no cluster with its seed (P32, P41)",
        "oc apply --server-side -f charts/ibgu/crds/seedimages.yaml",
    )
