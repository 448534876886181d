"""Declares what all bodies have in common (camelCase on the wire, no undocumented field), and the
parts that those of several nouns share."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ibgu.core.drivers import every_action
from ibgu.core.model import ActingParty, ReasonKind

T = TypeVar("T")

ActionName = Annotated[str, Field(json_schema_extra={"enum": list(every_action())})]
"""The name of an action of some kind of change."""


def _known(action: str) -> str:
    if action not in every_action():
        raise ValueError(f"should be one of {', '.join(every_action())}")
    return action


KnownAction = Annotated[ActionName, AfterValidator(_known)]
"""The same in a request."""


class Body(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


class PageBody(Body, Generic[T]):
    items: list[T]
    next_cursor: str | None = Field(
        None, description="Pass it as `cursor` to get the next page; null: this is the last page."
    )


NewestEvent = Annotated[
    int,
    Field(description="Number of the cluster's newest event at this moment; 0: no event."),
]


class RolloutNameBody(Body):
    namespace: str | None = Field(description="null: the caller may not read it.")
    name: str | None = Field(description="null: the caller may not read its namespace.")
    uid: str


class OverdueBody(Body):
    """A reason that lasts longer than usual."""

    since: datetime = Field(description="When the usual duration was over.")
    usual: float = Field(
        description="Usual duration in seconds: p95 of this hub's clusters, if measured."
    )
    check: str = Field(description="What to check now.")


class ReasonBody(Body):
    kind: ReasonKind
    since: datetime
    until: datetime | None = Field(description="When it ends automatically, if known.")
    who: ActingParty = Field(
        description="Who must act to end it; a person as well, once it is overdue."
    )
    message: str
    overdue: OverdueBody | None = Field(description="null: not overdue.")
    policy: str | None = Field(
        description="Name of the RolloutPolicy whose gate is closed; null: no policy's."
    )


class CountsBody(Body):
    """Clusters of a whole rollout, as in its object's `status.summary`, or members of one step.

    total = waiting + running + succeeded + failed + skipped + cancelled.
    """

    total: int
    waiting: int
    running: int = Field(description="Members in flight; each occupies a slot.")
    succeeded: int
    failed: int
    skipped: int
    cancelled: int = Field(
        description="Taken over by another rollout, or released because this one was deleted."
    )
