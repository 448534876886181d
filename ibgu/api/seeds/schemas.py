"""Seed images with their results."""

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body
from ibgu.core.model import Cause

_DIGEST = "sha256:4cf2b3d5e0f1a6978899aabbccddeeff00112233445566778899aabbccddeeff"
_FAILURE: JsonValue = {
    "action": "Prep",
    "failure": "PrecacheFailed",
    "cause": "PrepFailed",
    "specific": True,
    "message": "failed to pull images: registry.site:5000 is unreachable",
    "count": 22,
}
_SEED: JsonValue = {
    "name": "du-r750-4.17.3",
    "image": f"registry.example.com/seeds/du-r750@{_DIGEST}",
    "release": "4.17.3",
    "profile": {"hardware": "r750", "fips": "true"},
    "clusterLabels": {"hardware": "site.example.com/server"},
    "generatedFrom": {
        "cluster": "seed-r750",
        "lifecycleAgent": "4.17.1",
        "oadp": "1.4.1",
        "time": "2026-11-20T08:00:00Z",
    },
    "circuitBreaker": {
        "sameCause": 10,
        "percent": 20,
        "minimumUpgrades": 10,
        "windowMinutes": 1440,
    },
    "results": {
        "rollouts": 2,
        "counted": 2,
        "held": 0,
        "images": [f"mirror.example.com/seeds/du-r750@{_DIGEST}"],
        "releases": ["4.17.3"],
        "upgraded": 3466,
        "rolledBack": 12,
        "failed": 22,
        "failures": [_FAILURE],
    },
}


class SeedFailureBody(Body):
    action: ActionName
    failure: str | None = Field(description="Name of the known failure, if any.")
    cause: Cause | None
    specific: bool = Field(
        description="Whether `failure`, or else `cause`, says more than that the action failed."
    )
    message: str = Field(description="The most frequent message from the clusters.")
    count: int


class SeedResultsBody(Body):
    """Results in the rollouts that the caller may read. Each cluster counts once."""

    rollouts: int
    counted: int = Field(
        description="Newest rollouts that the counts cover; fewer than all for large histories."
    )
    images: list[str] = Field(description="Addresses in the rollouts; at most ten.")
    releases: list[str] = Field(description="Versions in the rollouts; at most ten.")
    held: int = Field(description="Rollouts that the image's circuit breaker holds now.")
    upgraded: int
    rolled_back: int = Field(description="Upgraded clusters that a Rollback took back.")
    failed: int = Field(description="Clusters whose Prep or Upgrade failed and never succeeded.")
    failures: list[SeedFailureBody] = Field(
        description="The newest failure of each of these; largest group first."
    )


class SeedCircuitBreakerBody(Body):
    """The limits at which Upgrades to the image stop, in all rollouts that use it."""

    same_cause: int | None = Field(description="Failures with one cause; null: no such limit.")
    percent: int | None = Field(description="Share of failed Upgrades; null: no such limit.")
    minimum_upgrades: int = Field(description="Upgrades that must end before percent counts.")
    window_minutes: int


class SeedOriginBody(Body):
    """The origin of the seed; empty: unknown."""

    cluster: str
    lifecycle_agent: str
    oadp: str
    time: str


class SeedImageBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_SEED]})

    name: str | None = Field(
        description="null: rollouts have used the image, and the catalogue has no entry for it."
    )
    image: str
    release: str
    profile: dict[str, str]
    cluster_labels: dict[str, str]
    generated_from: SeedOriginBody
    circuit_breaker: SeedCircuitBreakerBody | None = Field(
        description="null: only the circuit breaker of each step stops Upgrades."
    )
    results: SeedResultsBody


class SeedImagesBody(Body):
    installed: bool = Field(description="Whether the hub has the CRD of SeedImage.")
    truncated: bool = Field(description="Whether the catalogue has more entries than are listed.")
    items: list[SeedImageBody] = Field(
        description="The catalogue by name, then images without an entry."
    )
