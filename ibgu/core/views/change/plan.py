"""Appends steps to a plan: which ones may follow, and the patch that adds one (R1.3)."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from ibgu.core.model import ActionName, ActionTable
from ibgu.core.model.kinds import JsonObject, PlanItem
from ibgu.core.model.names import step_author
from ibgu.core.plan import problem
from ibgu.core.plan.timeouts import timeout_like, timeouts_of
from ibgu.core.text.counted import counted
from ibgu.core.views.change.danger import risk_of
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange

_BEGINS_NOW = "it begins now, and clusters that policies keep wait"


class NewStep(Struct, frozen=True):
    """A step to append; None: as in the plan's last step."""

    actions: tuple[str, ...]
    max_concurrency: int | None = None
    timeout: int | None = None
    """Minutes; None: see `timeout_like`."""


def appendable(plan: Sequence[Sequence[str]], table: ActionTable) -> list[tuple[ActionName, ...]]:
    """Returns the steps of which one may come next, in the order of the list of allowed plans; of
    many, those that people are offered."""
    begun, count = tuple(tuple(step) for step in plan), len(plan)
    longer = (
        known[count] for known in table.plans if len(known) > count and known[:count] == begun
    )
    return [step for step in dict.fromkeys(longer) if step in table.offered or not table.offered]


def append(target: ChangeTarget, step: NewStep, *, idle: bool = False) -> RequestedChange:
    """Appends the step. `idle`: nothing is left of the plan, whatever the status says yet. Raises
    ChangeRefused where it may not follow."""
    patch = appended(target.plan, step)
    item = patch[0]["value"]
    if target.plan and target.plan[-1] == item:
        return RequestedChange(f"{_named(step)} is the plan's last step already")
    plan = [*target.plan, item]
    wrong = problem(msgspec.convert(plan, list[PlanItem]), [])
    if wrong is not None:
        raise ChangeRefused(f"{wrong}; {instead(target.actions, target.table)}")
    line = msgspec.json.encode([*_author(target, len(target.plan)), *patch]).decode()
    return RequestedChange(
        f"{_named(step)} is step {len(plan)} of {target.name} ({_bounds(item)}); "
        f"{_starts(target, idle=idle)}",
        target.kubectl("patch", "--type=json", "-p", line),
        _replaced(target, plan),
        risk=risk_of(map(ActionName, step.actions)),
    )


def appended(plan: Sequence[JsonObject], step: NewStep) -> list[JsonObject]:
    """Returns a JSON patch that appends the step, whatever the plan is by then."""
    last = plan[-1].get("rolloutStrategy") or {} if plan else {}
    strategy = {
        "maxConcurrency": step.max_concurrency or last.get("maxConcurrency") or 1,
        "timeout": step.timeout or timeout_like(timeouts_of(plan), step.actions),
    }
    item = {"actions": list(step.actions), "rolloutStrategy": strategy}
    return [{"op": "add", "path": "/spec/plan/-", "value": item}]


def _replaced(target: ChangeTarget, plan: Sequence[JsonObject]) -> list[JsonObject]:
    """Returns a JSON patch that applies only if it has not been changed the plan.

    Everything else of the object may change meanwhile: ibgu writes its status all the time.
    """
    return [
        {"op": "test", "path": "/metadata/uid", "value": target.uid},
        {"op": "test", "path": "/spec/plan", "value": _plan_as_read(target)},
        *_author(target, len(plan) - 1),
        {"op": "add", "path": "/spec/plan", "value": plan},
    ]


def _author(target: ChangeTarget, step: int) -> list[JsonObject]:
    """Returns the part of a patch by which its user says that they have written the step. It
    overwrites no annotation that has come meanwhile, such as a pause."""
    key, path = step_author(step), "/metadata/annotations"
    if not target.annotations:
        return [
            {"op": "test", "path": path, "value": None},
            {"op": "add", "path": path, "value": {key: target.who}},
        ]
    pointer = key.replace("/", "~1")
    return [{"op": "add", "path": f"{path}/{pointer}", "value": target.who}]


def _plan_as_read(target: ChangeTarget) -> JsonObject | None:
    found: JsonObject = target.object.get("spec") or {}
    return found.get("plan")


def drawn(plan: Sequence[Sequence[str]]) -> str:
    return "".join(f"[{', '.join(step)}]" for step in plan) or "an empty plan"


def _starts(target: ChangeTarget, *, idle: bool) -> str:
    if idle or not target.plan or target.completed:
        return "it begins when the rollout is resumed" if target.paused else _BEGINS_NOW
    if target.paused:
        return (
            "it starts when the step before it has finished, and you resume the rollout: "
            "it is paused. Running actions continue."
        )
    return (
        "it starts when the step before it has finished. Running actions continue. To "
        "start nothing new, pause the rollout."
    )


def _bounds(item: JsonObject) -> str:
    """Returns the bounds of the step, which may be those of another one."""
    bounds = item["rolloutStrategy"]
    slots = counted(bounds["maxConcurrency"], "cluster")
    return f"{slots} at a time, timeout {bounds['timeout']} min"


def _named(step: NewStep) -> str:
    return ", ".join(step.actions)


def instead(plan: Sequence[Sequence[str]], table: ActionTable) -> str:
    possible = appendable(plan, table)
    if not possible:
        return f"nothing may follow {drawn(plan)}"
    return f"what may follow {drawn(plan)}: {' or '.join(drawn([step]) for step in possible)}"
