"""Grants that people write on the hub."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from msgspec import convert

from ibgu.core.model.grants import BreakGlass, BreakGlassSpec, RolloutApproval, RolloutApprovalSpec
from ibgu.core.model.kinds import ObjectMeta
from tests.core.engine.decide.fleet import InMemoryEngine

STEP_1, STEP_2 = (
    f"step {number} (`ibgu approve a -n fleet --step {number} --before Step`)" for number in (1, 2)
)
"""The beginning of a step, with the command that approves it."""
_numbers = itertools.count()


def _meta(engine: InMemoryEngine, name: str, created: datetime | None) -> ObjectMeta:
    at = (created or engine.now).isoformat()
    return ObjectMeta(name=name, namespace="fleet", uid=f"uid-{name}", creation_timestamp=at)


def _rollout(created: datetime | None) -> dict[str, str]:
    """Names the rollout `a`; with its uid, as the page and the CLI do, unless the time decides."""
    return {"name": "a"} if created is not None else {"name": "a", "uid": "uid-a"}


def approve(
    engine: InMemoryEngine,
    user: str,
    *,
    step: int = 1,
    before: str = "Step",
    created: datetime | None = None,
    **spec: Any,
) -> str:
    """Has the user approve a step of the rollout `a`; returns the approval's name."""
    name = f"approval-{next(_numbers)}"
    given = {"rollout": _rollout(created), "step": step, "before": before, "user": user, **spec}
    meta = _meta(engine, name, created)
    engine.approvals.append(RolloutApproval(meta, convert(given, RolloutApprovalSpec)))
    engine.touch("uid-a")
    return name


def withdraw(engine: InMemoryEngine, name: str) -> None:
    engine.approvals = [each for each in engine.approvals if each.metadata.name != name]
    engine.touch("uid-a")


def break_glass(
    engine: InMemoryEngine,
    *gates: str,
    user: str = "nora",
    hours: float = 2,
    created: datetime | None = None,
    **spec: Any,
) -> None:
    until = (engine.now + timedelta(hours=hours)).isoformat()
    given: dict[str, Any] = {
        "rollout": _rollout(created),
        "gates": list(gates),
        "user": user,
        "reason": "INC-7",
        "until": until,
    }
    meta = _meta(engine, f"glass-{len(engine.glasses)}", created)
    engine.glasses.append(BreakGlass(meta, convert(given | spec, BreakGlassSpec)))
    engine.touch("uid-a")


def mend_glass(engine: InMemoryEngine) -> None:
    """Deletes every BreakGlass."""
    engine.glasses = []
    engine.touch("uid-a")
