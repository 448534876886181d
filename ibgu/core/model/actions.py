"""The actions of a plan: strings in plans, journal and REST, with traits that their kind of change
declares.

A kind declares its table once, at import. A name has the same traits in all kinds, so that a record
tells what its action does without the rollout that it belongs to.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

ActionName = str
"""The name of an action, as plans, journal and REST show it; `traits` has what it does."""
PlanActions = tuple[tuple[ActionName, ...], ...]
"""The actions of a plan, step by step."""


class Danger(StrEnum):
    """Ranks of danger in display order: a reader from the top meets the mildest first."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"
    """The way back is lost, and nothing else."""
    DESTRUCTIVE = "destructive"
    """The change deletes what the clusters have, or what was requested for them."""


class Risk(Struct, frozen=True):
    danger: Danger = Danger.REVERSIBLE
    lost: str = ""
    """What can't be undone, in a sentence; empty: nothing."""


class RequiredLabels(Struct, frozen=True):
    """The labels that a step's first action asks of a cluster (R2.3).

    `any_of`: at least one must be there (empty: no such need); `none_of`: none may be.
    """

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    if_selected: tuple[str, ...] = ()
    """Labels that count as well where a selector asks for them (R45.1)."""


class AgeRange(Struct, frozen=True):
    """Ages of a run, in seconds since its arming, between which most of them end."""

    low: float
    high: float


class ActionTraits(Struct, frozen=True, kw_only=True):
    """The traits of an action, which the engine and its surfaces ask for."""

    name: ActionName
    stage: str
    """The stage that the action asks the cluster's agent for."""
    label_prefix: str
    """The prefix of all labels with which the kind marks clusters."""
    usual: AgeRange
    """The usual duration, for hubs on which the action was measured too rarely. A range that begins
    too late loses the gain of refreshes, one that begins too early costs some of them."""
    need: RequiredLabels = RequiredLabels()
    risk: Risk = Risk()
    reboots: bool = False
    """Whether the cluster is unreachable in the middle of the action (R12.1)."""
    rolls_back: bool = False
    """Whether a cluster on which the action fails goes back by itself, and needs time for it."""
    import_off: bool = False
    """Whether automatic import must be off before the action is armed (R14.1)."""
    carries_payload: bool = False
    """Whether the action brings ConfigMaps and Secrets of the hub to the cluster (R25)."""
    runs_job: bool = False
    """Whether the action is done by a Job on the cluster, which a work of its own brings (R47)."""
    begins: bool = False
    """Whether a cluster that was taken back begins with the action again."""
    rate_limited: bool = False
    """Whether the action may load what serves the clusters; the others lead back, or are short."""
    clears_labels: bool = False
    """Whether success ends the change on that cluster: all labels of the kind go (R13.3)."""
    aborts: bool = False
    """Whether the action must never reach a cluster that is through with the change, where the same
    stage would finalize it (R8.1, R9.4)."""
    after_failure: bool = False
    """Whether a step that begins with the action takes failed clusters only."""
    cancels: bool = False
    """Whether a step that begins with the action takes its clusters from older rollouts (R6.3)."""
    leads_back: bool = False
    """Whether the action leads a cluster back, so that no policy may hold it."""
    warns: bool = False
    """Whether the cluster's warnings are of this action."""
    preflight: bool = False
    """Whether preflight's rules say in advance what makes the action fail (R46.9)."""
    pauses: bool = False
    """Whether the action pauses parts of the cluster where the rollout asks for it (R48)."""
    resumes: bool = False
    """Whether the action resumes what was paused."""
    expires: bool = False
    """Whether the cluster can start the action until a time only, which it reports (R8.9)."""
    implied_by: ActionName = ""
    """The action whose success shows that this one had succeeded."""
    part_of: ActionName = ""
    """The action before which this one is taken, by a run of its own. No plan names it, and its
    failure is the other one's."""

    @property
    def upgrades(self) -> bool:
        """Whether the action takes the cluster to another release, and not back."""
        return self.reboots and not self.leads_back

    @property
    def reboots_nodes(self) -> bool:
        """Whether nodes of the cluster may reboot for the action: one that resumes pools rolls them
        out."""
        return self.reboots or self.resumes

    @property
    def brings(self) -> bool:
        """Whether the action prepares the cluster for another release, or takes it there."""
        return self.carries_payload or self.upgrades

    @property
    def completed_label(self) -> str:
        return f"{self.label_prefix}{self.name.lower()}-completed"

    @property
    def failed_label(self) -> str:
        return f"{self.label_prefix}{self.name.lower()}-failed"


class ActionTable(Struct, frozen=True):
    """The actions of one kind of change, and the plans that they may make up."""

    actions: tuple[ActionTraits, ...]
    plans: tuple[PlanActions, ...]
    """All plans that are allowed; every other one is refused."""
    offered: PlanActions = ()
    """The steps that a person is offered, where far more are allowed; empty: all of them."""
    parts: tuple[ActionTraits, ...] = ()
    """What runs do as a part of an action, beside the actions that plans name."""
    no_follow_ups: str = ""
    """Why ibgu makes no second object that cancels, rolls back, finalizes or retries clusters of a
    rollout, and what to do instead; empty: it does."""

    def __post_init__(self) -> None:
        for action in (*self.actions, *self.parts):
            if _DECLARED.setdefault(action.name, (action, self))[0] != action:
                raise ValueError(f"two kinds of change declare an action {action.name}")

    @property
    def names(self) -> tuple[ActionName, ...]:
        return tuple(action.name for action in self.actions)

    def first(self, has: Callable[[ActionTraits], bool]) -> ActionName | None:
        """Returns the kind's action with that trait; None: it has none."""
        return next((action.name for action in self.actions if has(action)), None)

    @property
    def abort(self) -> ActionName | None:
        """The action that takes failed clusters back, and no other."""
        return self.first(lambda action: action.after_failure)

    @property
    def abort_all(self) -> ActionName | None:
        """The action that takes all clusters back that are not through yet."""
        return self.first(lambda action: action.aborts and not action.after_failure)

    @property
    def rollback(self) -> ActionName | None:
        """The action that takes a cluster back that is through with the change."""
        return self.first(lambda action: action.leads_back and not action.aborts)

    @property
    def start(self) -> ActionName | None:
        """The action with which a cluster that was taken back begins again."""
        return self.first(lambda action: action.begins)

    @property
    def abortable(self) -> tuple[str, ...]:
        """The labels of failures that only `abort` removes."""
        return tuple(
            label for action in self.actions if action.after_failure for label in action.need.any_of
        )


_DECLARED: dict[ActionName, tuple[ActionTraits, ActionTable]] = {}


def traits(action: ActionName) -> ActionTraits:
    """Returns what the action's kind has declared. Raises KeyError for an unknown name."""
    return _DECLARED[action][0]


def limits_starts(actions: Iterable[ActionName]) -> bool:
    """Whether rate limits apply to a step of these actions, which a cluster takes in one slot."""
    return any(traits(action).rate_limited for action in actions)


def whole(action: ActionName) -> ActionName:
    """Returns the action of the plan that the action is, or is a part of."""
    return traits(action).part_of or action


def table_of(action: ActionName) -> ActionTable:
    """Returns the table of the action's kind. Raises KeyError for an unknown name."""
    return _DECLARED[action][1]


def declared(name: str) -> bool:
    """Whether some kind of change has an action of that name."""
    return name in _DECLARED


def allowed(plan: Sequence[Sequence[str]]) -> bool:
    """Whether the plan's actions, one sequence a step, are a plan of one kind (case counts)."""
    first = plan[0][0] if plan and plan[0] else ""
    return declared(first) and tuple(map(tuple, plan)) in table_of(first).plans


def plans(lines: Iterable[str]) -> tuple[PlanActions, ...]:
    """Returns the plans that the lines name: one each, its steps separated by "|"."""
    return tuple(tuple(tuple(step.split()) for step in line.split("|")) for line in lines)


def carry_payload(actions: Iterable[ActionName]) -> bool:
    """Whether one of a step's actions brings a payload to the clusters."""
    return any(traits(action).carries_payload for action in actions)


def every_action(has: Callable[[ActionTraits], bool] = lambda action: True) -> list[ActionName]:
    """Returns the actions of all kinds that have been declared, or those with a trait."""
    return [name for name, (action, _) in _DECLARED.items() if has(action)]
