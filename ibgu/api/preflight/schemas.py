"""Bodies for preflight: what would fail, before anything starts."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from ibgu.api.bodies import Body
from ibgu.api.preview.schemas import Name
from ibgu.core.drivers.ibu.preflight import FactSource, RuleOutcome, Severity

_FINDING: JsonValue = {
    "rule": "P3",
    "severity": "error",
    "object": "ManagedCluster",
    "field": "status.clusterClaims[version.openshift.io]",
    "file": "",
    "line": 0,
    "message": "are more than 2 minor releases behind 4.17.3",
    "remedy": "Upgrade to a release between them first.",
    "reference": "15.1",
    "count": 12,
    "clusters": ["site-7", "site-9"],
}
_RULE: JsonValue = {
    "rule": "P3",
    "title": "The seed's release is at most 2 minor releases after that of the cluster",
    "outcome": "error",
    "source": "hub",
    "fact": "",
}


class PreflightSubjectBody(Body):
    """Either a rollout by `namespace` and `name`, a `manifest`, or clusters by a `selector`."""

    namespace: Name | None = None
    name: Name | None = None
    manifest: dict[str, Any] | None = Field(
        default=None, description="An ImageBasedGroupUpgrade, as it would be applied."
    )
    selector: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None, description="Label selector, as for kubectl: a=b,c!=d,e in (x,y)."
    )
    target: Annotated[str, Field(max_length=64)] = Field(
        default="", description="The release to upgrade to; only with a selector."
    )

    inspect: bool = Field(
        default=False,
        description="Read on the clusters what only they know, at most once in 30 seconds. The "
        "answer comes after 20 seconds at the latest.",
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        named = bool(self.namespace and self.name)
        given = [named, self.manifest is not None, self.selector is not None]
        if given.count(True) != 1 or (self.target and self.selector is None):
            raise ValueError("specify namespace and name, a manifest, or a selector (and target)")
        return self


class PreflightFindingBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_FINDING]})

    rule: str
    severity: Severity
    object: str
    field: str
    file: str = Field(
        description="The ConfigMap and its key; empty: the object is not from a ConfigMap."
    )
    line: int = Field(description="In that key.")
    message: str
    remedy: str
    reference: str = Field(
        description="The chapter of OpenShift's manual, or the component that rejects it."
    )
    count: int = Field(description="Number of affected clusters.")
    clusters: list[str] = Field(description="Names of the affected clusters; empty: all.")


class PreflightRuleBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_RULE]})

    rule: str
    title: str
    outcome: RuleOutcome
    source: FactSource
    fact: str = Field(description="The object to check, if it is not on the hub.")


class PreflightBody(Body):
    clusters: int = Field(description="Number of checked clusters.")
    blocked: int = Field(description="Number of clusters with an error.")
    blocked_clusters: list[str] = Field(
        description="Names of the clusters with an error, in natural order."
    )
    inspectable: bool = Field(description="Whether this ibgu inspects clusters at all.")
    inspected: int = Field(description="Number of clusters that were read themselves.")
    inspecting: int = Field(description="Number of clusters whose inspection is not finished.")
    inspected_at: datetime | None = Field(
        description="When the first of them was read; null: none was."
    )
    rules: list[PreflightRuleBody] = Field(description="All rules, by number.")
    findings: list[PreflightFindingBody] = Field(
        description="Errors first, then warnings, then unknown results."
    )
