"""Assigns each of a cluster's actions to a step of the plan, as far as the status shows."""

from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.drivers import declared, traits
from ibgu.core.model import ActionName
from ibgu.core.model.actions import whole
from ibgu.core.recover.former_status import StatusAction, StatusEntry

Plan = Sequence[tuple[ActionName, ...]]


class StepPart(Struct, frozen=True):
    """A cluster's part in one step."""

    completed: tuple[StatusAction, ...] = ()
    failed: StatusAction | None = None
    current: StatusAction | None = None

    @property
    def empty(self) -> bool:
        return not self.completed and self.failed is None and self.current is None


class _UnassignedActions:
    """The actions not assigned yet; the status lists them in the plan's order."""

    def __init__(self, entry: StatusEntry) -> None:
        self.completed = list(entry.completed_actions)
        self.failed = list(entry.failed_actions)
        self.current = entry.current_action
        self.has_failed = all(_is_after_failure(each.action) for each in entry.failed_actions)
        """Whether an action that follows a failure may be next. Where the entry tells of no other
        failure, the cluster had failed in another rollout."""

    def part(self, actions: Sequence[ActionName]) -> StepPart:
        completed: list[StatusAction] = []
        for action in actions:
            if self._next(self.completed, action):
                completed.append(self.completed.pop(0))
                continue
            failed = self.failed.pop(0) if self._next(self.failed, action) else None
            self.has_failed = self.has_failed or failed is not None
            current = self._current(action) if failed is None else None
            return StepPart(tuple(completed), failed, current)
        return StepPart(tuple(completed))

    def _next(self, actions: list[StatusAction], action: ActionName) -> bool:
        """Whether the action is next. One that follows a failure may be planned twice: it belongs
        to the first one after a failure."""
        if _is_after_failure(action) and not self.has_failed:
            return False
        return bool(actions) and actions[0].action == action

    def _current(self, action: ActionName) -> StatusAction | None:
        """Returns the current action if it is this one; it belongs to one step alone."""
        current = self.current
        if current is None or self.completed or not self._next([current], action):
            return None
        self.current = None
        return current


def _is_after_failure(action: str) -> bool:
    return declared(action) and traits(action).after_failure


def place(plan: Plan, entry: StatusEntry) -> dict[int, StepPart]:
    """Returns the parts by step; steps that the entry says nothing about are left out."""
    rest = _UnassignedActions(entry)
    parts = {index: rest.part(actions) for index, actions in enumerate(plan)}
    return {index: part for index, part in parts.items() if not part.empty}


def step_of(action: ActionName, plan: Plan, started: int) -> int | None:
    """Returns the step of a cluster's newest run: the last one that has started and contains the
    action, else the first one after those."""
    having = [index for index, actions in enumerate(plan) if whole(action) in actions]
    begun = [index for index in having if index < started]
    return begun[-1] if begun else next(iter(having), None)
