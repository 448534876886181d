"""Bodies for the leadership: which controller leads, since when, and how often that has changed."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body

_LEADERSHIP: JsonValue = {
    "leader": "ibgu-controller-7d9c-x2x4q",
    "epoch": 4,
    "since": "2026-11-20T02:14:07Z",
    "before": "ibgu-controller-7d9c-m8k2p",
    "changes": 1,
    "flaps": False,
    "words": "ibgu-controller-7d9c-x2x4q took the lead from ibgu-controller-7d9c-m8k2p at "
    "2026-11-20 02:14:07 UTC; leadership has changed once in the last 10 minutes",
    "remedy": None,
}


class LeadershipBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_LEADERSHIP]})

    leader: str | None = Field(
        description="Identity of the newest leader; null: there has been none."
    )
    epoch: int = Field(description="Epoch of the newest leader; 0: none yet.")
    since: datetime | None
    before: str | None = Field(description="The previous leader; null: this is the first.")
    changes: int = Field(description="Changes of the leader in the last 10 minutes.")
    flaps: bool = Field(description="Whether leadership changes too often.")
    words: str
    remedy: str | None = Field(description="What to do; null: nothing.")
