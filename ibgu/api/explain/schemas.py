"""One cluster in sentences."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body, NewestEvent
from ibgu.core.model import ActingParty
from ibgu.core.views.display import DisplayState

_EXPLAINED: JsonValue = {
    "cluster": "site-0412",
    "rollout": "default/ran-417",
    "step": 2,
    "state": "failed",
    "headline": "Upgrade failed 6 min ago (attempt 1, ran 34 min)",
    "why": "Rollback due to LCA Init Monitor timeout, after 30m0s",
    "kind": "InitMonitorTimeout",
    "policy": None,
    "since": "2026-11-20T02:29:04Z",
    "ends": None,
    "until": None,
    "who": "person",
    "overdue": None,
    "means": "The new release did not become healthy in time; the node rolled back by itself.",
    "do": "Repair what was not ready. Then run `ibgu retry ran-417 -n default --abort-first`.",
    "words": None,
    "remedy": "Repair what was not ready. Then run `ibgu retry ran-417 -n default --abort-first`.",
    "guide": "docs/troubleshooting.md#the-cluster-has-rolled-back-automatically",
    "limit": None,
    "late": None,
    "warning": None,
    "rollbackUntil": None,
    "pausedSince": None,
    "preflight": ["warning: are not reachable now: they wait, and start when they are back [P33]"],
    "newer": [],
    "evidence": None,
    "followUps": [],
    "history": [
        {"at": "2026-11-20T01:55:02Z", "text": "Upgrade started"},
        {"at": "2026-11-20T02:29:04Z", "text": "Upgrade failed (34 min)"},
    ],
    "newestEvent": 318204,
}


class LineBody(Body):
    at: datetime
    text: str


class EvidenceObjectBody(Body):
    object: str = Field(description="Kind, namespace and name.")
    phase: str = Field(description="The phase that it had; empty: none.")
    errors: int
    warnings: int
    messages: list[str] = Field(description="What it says itself, or why it was not read.")


class EvidenceCauseBody(Body):
    failure: str = Field(description="Name of the known failure.")
    means: str
    remedy: str


class EvidenceBody(Body):
    read_at: datetime | None = Field(description="When the objects were read; null: never.")
    problem: str = Field(description="Why they were not read.")
    objects: list[EvidenceObjectBody] = Field(
        description="Restores and Backups of the failure, then their storage location and the "
        "DataProtectionApplication."
    )
    cause: EvidenceCauseBody | None = Field(
        description="What the objects give as the cause; null: they do not say."
    )
    commands: list[str] = Field(description="Commands to run on the cluster to see more.")


class ExplainedBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXPLAINED]})

    cluster: str
    rollout: str = Field(description="namespace/name; a description if the caller may not read it.")
    step: int = Field(description="From 1.")
    state: DisplayState
    headline: str = Field(description="The state and its duration, in one line.")
    why: str | None = Field(description="The reason, or the outcome.")
    kind: str | None = Field(
        description="Name of the known failure, otherwise of the reason or cause."
    )
    policy: str | None = Field(
        description="Name of the RolloutPolicy whose gate is closed; null: no policy's."
    )
    since: datetime | None
    ends: str | None = Field(description="What ends it; null: it has ended.")
    until: datetime | None = Field(description="When it ends automatically, if known.")
    who: ActingParty | None = Field(
        description="Who must act; null: no one. A person, once the reason is overdue."
    )
    overdue: datetime | None = Field(
        description="Since when the reason has lasted longer than usual; null: it has not."
    )
    means: str | None
    do: str | None = Field(description="What to do, in one sentence.")
    words: str | None = Field(
        description="The last message from the cluster; null: there is none, or it is `why`."
    )
    remedy: str | None = Field(description="Of a known failure.")
    guide: str | None = Field(
        description="Recovery guide in ibgu's documentation, for a known failure that has one."
    )
    limit: datetime | None = Field(description="Deadline of the cluster for the whole step.")
    late: str | None = Field(description="What happened on the cluster after the member ended.")
    warning: str | None = Field(
        description="The cluster's warning when it completed its last action."
    )
    rollback_until: datetime | None = Field(
        description="Until when the cluster can be rolled back; null: it can't, or does not report "
        "that."
    )
    paused_since: datetime | None = Field(
        description="Since when parts of the cluster may be paused for the rollout; null: nothing "
        "is."
    )
    preflight: list[str] = Field(
        description="What preflight had found before the step, with the rules. Of an unfinished "
        "member, what is about it, and errors of the plan. Of a failed one, what looks for its "
        "failure, or errors if that is not a known one."
    )
    newer: list[str] = Field(
        description="Newer rollouts that act, or have acted, on the cluster, the newest first."
    )
    evidence: EvidenceBody | None = Field(
        description="What Velero's objects on the cluster say of its failure; null: it has not "
        "failed."
    )
    follow_ups: list[str] = Field(
        description="What RolloutPolicies have asked for with the cluster, a rollback or a further "
        "attempt, and what became of it. Empty for a caller who may not read the rollout."
    )
    history: list[LineBody] = Field(description="Every attempt, oldest first.")
    newest_event: NewestEvent
