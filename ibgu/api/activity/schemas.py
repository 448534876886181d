"""Bodies for the activity of a rollout: who changed it, from where, and what came of it."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body

_DEED: JsonValue = {
    "seq": 48213,
    "at": "2026-11-20T02:12:09Z",
    "kind": "ControlAccepted",
    "title": "Skipped",
    "text": "17 waiting clusters skipped",
    "who": "alice",
    "via": "page",
    "step": None,
    "hold": None,
    "warning": False,
}


class ActivityEntryBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_DEED]})

    seq: int = Field(description="Of its event.")
    at: datetime
    kind: str = Field(description="Of its event.")
    title: str = Field(description="The change, in one or two words.")
    text: str = Field(description="The result.")
    who: str | None = Field(
        description="The user who asked ibgu's REST API; null: ibgu itself, or only `via` is "
        "known. Anyone who may write the object can claim another name: rely on the "
        "hub's audit log for proof."
    )
    via: str | None = Field(
        description="page, cli or rest; else the field manager that wrote the object, such as "
        "kubectl-annotate; null: ibgu itself."
    )
    step: int | None = Field(description="From 1; null: the rollout as a whole.")
    hold: str | None = Field(
        description="Why nothing new starts from then on, as the `kind` of a reason; null: no hold "
        "began."
    )
    warning: bool
