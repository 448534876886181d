"""Events: who did what, when and why."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body

_EVENT: JsonValue = {
    "seq": 4711,
    "at": "2026-11-20T02:29:04Z",
    "kind": "RunEnded",
    "why": "the cluster reports that its Upgrade failed",
    "cause": "UpgradeFailed",
    "warning": False,
    "actor": "",
    "rollout": "0f5a2a38-6b54-4a5e-9f4e-2f1f7a2f4c11",
    "step": 2,
    "cluster": "site-0412",
    "run": "c2b7e0d41f9a",
    "data": {"state": "in flight", "slot": 17, "action": "Upgrade", "result": "failed"},
}


class EventBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_EVENT]})

    seq: int = Field(
        description="Sequence number among all events of the hub, in the order of commit."
    )
    at: datetime
    kind: str
    why: str
    cause: str | None
    warning: bool
    actor: str = Field(description="The person who requested the change, if any.")
    rollout: str = Field(description="uid")
    step: int | None = Field(description="From 1.")
    cluster: str | None
    run: str | None
    data: dict[str, Any]
