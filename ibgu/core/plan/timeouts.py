"""The timeout of a step for which nobody has said one."""

from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.model.actions import declared, traits
from ibgu.core.model.kinds import JsonObject, RolloutStrategy

_DEFAULT = RolloutStrategy().timeout
"""Minutes; TALM's default, too."""
_QUICK = 600.0
"""The seconds within which quick actions, such as an Abort, usually end."""


class StepTimeout(Struct, frozen=True):
    """StepTimeout is the timeout of a step of the plan."""

    actions: Sequence[str]
    minutes: int | None
    """None: the step says nothing."""


def timeouts_of(plan: Sequence[JsonObject]) -> list[StepTimeout]:
    """Returns what the steps of an object's plan have."""
    return [
        StepTimeout(item["actions"], (item.get("rolloutStrategy") or {}).get("timeout"))
        for item in plan
    ]


def timeout_like(
    plan: Sequence[StepTimeout], actions: Sequence[str], like: StepTimeout | None = None
) -> int:
    """Returns the timeout, in minutes, of a step with these actions that is to be `like` another
    one of the plan; None: its last one. Minutes that are enough for an Abort end an Upgrade or a
    Rollback in its middle: for these it is the one of the plan's last step that takes as long."""
    found = like or next(reversed(plan), None)
    if found is not None and _is_quick(found.actions) and not _is_quick(actions):
        found = next((each for each in reversed(plan) if not _is_quick(each.actions)), None)
    return _DEFAULT if found is None or not found.minutes else found.minutes


def _is_quick(actions: Sequence[str]) -> bool:
    return all(declared(name) and traits(name).usual.high <= _QUICK for name in actions)
