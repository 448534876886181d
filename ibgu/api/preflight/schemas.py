"""Bodies for preflight: what would fail, before anything starts."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from ibgu.api.bodies import ActionName, Body
from ibgu.api.preview.schemas import Name
from ibgu.core.drivers.ibu.preflight import FactSource, RuleOutcome, Severity
from ibgu.core.model.preflight import FindingSeverity

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
        default=None,
        description="An ImageBasedGroupUpgrade or a FleetUpdate, as it would be applied.",
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
    inspectable: bool = Field(
        description="Whether this ibgu inspects clusters, and rules ask for what it reads."
    )
    inspected: int = Field(description="Number of clusters that were read themselves.")
    inspecting: int = Field(description="Number of clusters whose inspection is not finished.")
    inspected_at: datetime | None = Field(
        description="When the first of them was read; null: none was."
    )
    rules: list[PreflightRuleBody] = Field(
        description="All rules of the kind of change, by number."
    )
    findings: list[PreflightFindingBody] = Field(
        description="Errors first, then warnings, then unknown results."
    )


_RECORDED: JsonValue = {
    "rule": "P31",
    "severity": "error",
    "message": "have a full disk",
    "remedy": "Free space on the disk.",
    "count": 12,
    "clusters": ["site-7", "site-9"],
}
_RECALLED: JsonValue = {
    "action": "Prep",
    "failure": "StaterootFailed",
    "rules": ["P31"],
    "count": 12,
    "found": 11,
    "notChecked": 1,
    "missed": 0,
}


class RecordedFindingBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_RECORDED]})

    rule: str
    severity: FindingSeverity
    message: str
    remedy: str
    count: int = Field(description="Number of affected clusters; 0: the plan itself is.")
    clusters: list[str] = Field(description="At most ten names.")


class RecalledFailureBody(Body):
    """The clusters of one failure, by what preflight had found of them before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECALLED]})

    action: ActionName | None
    failure: str | None = Field(description="Name of the known failure, if any.")
    rules: list[str] = Field(description="The rules that look for it; empty: none does.")
    count: int
    found: int = Field(description="One of the rules had found an error or a warning.")
    not_checked: int = Field(description="One of the rules could not be checked.")
    missed: int = Field(description="All of the rules were checked and found nothing.")


class StepPreflightBody(Body):
    """The findings of preflight when the step's clusters could start, beside what came."""

    step: int = Field(description="From 1.")
    actions: list[ActionName]
    at: datetime = Field(description="When the rules were last evaluated.")
    findings: list[RecordedFindingBody] = Field(
        description="Errors first; at most six of a rule and severity."
    )
    unknown: list[str] = Field(description="The rules that could not be checked.")
    failed: int = Field(description="Clusters that failed in a way that rules look for.")
    found: int = Field(description="Of these, clusters for which such a rule had found it.")
    not_checked: int = Field(description="Of these, clusters for which it was not checked.")
    missed: int = Field(description="Of these, clusters for which it was checked and not found.")
    unforeseeable: int = Field(description="Clusters that failed in a way that no rule looks for.")
    succeeded_in_spite: int = Field(description="Clusters with an error that succeeded.")
    failures: list[RecalledFailureBody] = Field(description="Most clusters first.")


class StepPreflightsBody(Body):
    items: list[StepPreflightBody] = Field(
        description="The steps that preflight has evaluated, in order."
    )
