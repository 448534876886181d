"""P42: hub templates have a value for each cluster."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.facts import PreflightFacts, grouped
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding
from ibgu.core.drivers.ibu.preflight.template_syntax import P42

_MESSAGES = 20
"""The most messages about clusters: each may have a key of its own that is missing."""


def resolved(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    """Yields why no cluster, or which cluster, can be sent what Prep brings."""
    found = facts.payload.templates
    if found is None:
        return
    at = facts.at("spec.ibuSpec")
    for problem in found.problems:
        yield P42.error(at, problem)
    for problem in found.unread:
        yield P42.unknown(at, problem)
    if found.problems or found.unread:
        return
    problems = [
        (each.name, found.content.problem(each.name, each.labels)) for each in facts.clusters
    ]
    kept = set(list(dict.fromkeys(problem for _, problem in problems if problem))[:_MESSAGES])
    wrong = (
        (name, problem if problem in kept else "a template has no value for the cluster")
        for name, problem in problems
        if problem
    )
    yield from grouped(wrong, "", P42.error)
