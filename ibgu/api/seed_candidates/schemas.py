"""Checks of a cluster before a seed image is generated from it."""

from pydantic import Field

from ibgu.api.bodies import Body
from ibgu.core.drivers.ibu.preflight import RuleOutcome


class SeedCheckBody(Body):
    title: str
    outcome: RuleOutcome
    message: str
    remedy: str


class SeedCandidateBody(Body):
    cluster: str
    release: str = Field(description="Empty: unknown.")
    checks: list[SeedCheckBody] = Field(
        description="In the order of the procedure; what only the cluster knows is last."
    )
