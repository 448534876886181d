"""A FleetUpdate to 4.16.12 that nothing speaks against, and what the rules find in a variant."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import PreflightFacts, PreflightReport, RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import StepFacts
from ibgu.core.drivers.preflight import judge
from ibgu.core.model.document import ObjectField
from ibgu.core.model.kinds import (
    ClusterUpdate,
    MirrorSource,
    PlanItem,
    Release,
    RolloutSpec,
    RolloutStrategy,
)
from ibgu.core.model.names import FLEET_UPDATE
from tests.core.drivers.ibu.preflight.hub import cluster

REPOSITORY = "quay.example/openshift/release"
DIGEST = "a" * 64
OTHER_DIGEST = "b" * 64
SIGNATURE = (
    "owGbwMvMwCH24d68xfPq+ZwY1zJKJbEV62UV5+dls/0Rr1ZKLsosyUxOzFGyUqhWysxNTE8Fs1Lyk7NTi3RzE/My01KL"
    "S3RTMtOBFFBKqTgj0cjUzCqRQqBUq6OgVFJZALJOKbEkPzczWSE5P68kMTMvtUihODM9L7GktChVCagqMyU1rySzpBLZ"
    "YUWpaalFqXnJYO2FpYmVeqkVibkFOan6Rak5qYnFqVYmeoZmeoZGuhUWZvFmJkq1IPvyC0oy8/Ognk0uSgXaWwQyoAT"
    "kt9rajlIWBjEOBlkxRZbjkZdsy6RqhLwEFu6FBR4rEyjIGLg4BWAidTsYGXr8r33qFdyyvMTk4xrVZZM/m0fM2X4ndh"
    "Mno5Phfmvpd7aMDBNUe3sXrRRrXmr4StZijfWZKS9uzLnBXrCDr69SY6/VPh4A"
)
"""What `gpg --sign` makes of a text that names DIGEST."""
UPDATE = ClusterUpdate(
    release=Release("4.16.12", f"{REPOSITORY}@sha256:{DIGEST}"),
    signatures=[SIGNATURE],
    mirrors=[MirrorSource(REPOSITORY, ["mirror.example/release"])],
)


def planned(*steps: str, begun: int = 0, **changes: Any) -> PreflightFacts:
    """Returns the facts of a plan; `steps`: the actions of each, `begun`: how many have begun;
    `changes`: of the update."""
    plan = [PlanItem(each.split(), RolloutStrategy(10)) for each in steps]
    return PreflightFacts(
        clusters=(cluster("site-1", version="4.16.3"), cluster("site-2", version="4.16.4")),
        itself=ObjectField("FleetUpdate ran/ran-x"),
        steps=tuple(
            StepFacts(number, 2, 1, timedelta(hours=4), timedelta())
            for number in range(begun + 1, len(steps) + 1)
        ),
        spec=RolloutSpec(plan=plan, update=replace(UPDATE, **changes)),
    )


WELL = planned("Check Mirror", "Update")


def with_releases(facts: PreflightFacts, *releases: str) -> PreflightFacts:
    named = (cluster(f"site-{n}", version=each) for n, each in enumerate(releases, 1))
    return replace(facts, clusters=tuple(named))


def report(facts: PreflightFacts) -> PreflightReport:
    return judge(FLEET_UPDATE, facts)


def outcomes(facts: PreflightFacts) -> dict[str, RuleOutcome]:
    return {each.rule.id: each.outcome for each in report(facts).results}


def found_by(rule: str, facts: PreflightFacts) -> list[str]:
    """Returns what the rule finds, a line for each finding."""
    return [
        " ".join(filter(None, (f"{f.severity}", ",".join(f.clusters), f.at.field)))
        + f": {f.message}"
        for f in report(facts).findings
        if f.rule.id == rule
    ]
