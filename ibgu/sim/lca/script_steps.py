"""Defines the vocabulary of scripts: what the Lifecycle Agent does, and after how long."""

from collections.abc import Iterable

from msgspec import Struct


class SetCondition(Struct, frozen=True):
    """Writes one condition."""

    type: str
    status: str
    reason: str
    message: str


class RemoveCondition(Struct, frozen=True):
    type: str


class OpenPhase(Struct, frozen=True):
    """Opens a phase in the history and closes the one before; an empty name only closes."""

    name: str


class EndStage(Struct, frozen=True):
    """The stage is over: completed or failed."""

    outcome: str
    message: str = ""


class ValidateSpec(Struct, frozen=True):
    """Validates the IBU's spec against what is on the cluster; a problem fails Prep."""


class CheckHealth(Struct, frozen=True):
    """Waits until the cluster is healthy, and says what is not on the condition. Stands alone in
    its step, which is played again and again."""

    condition: SetCondition


class UnpackSeed(Struct, frozen=True):
    """Ends the stateroot job, which fails Prep on a full disk."""

    failure: str


class AnnotateWarning(Struct, frozen=True):
    """Annotates the IBU with a warning about extra manifests."""

    message: str


class JobRuns(Struct, frozen=True):
    """A job that an abort has to wait for."""

    seconds: float


class ShutDownNode(Struct, frozen=True):
    """The node goes down: the hub hears nothing more."""


class BootNewStateroot(Struct, frozen=True):
    """The new stateroot is up and LCA has restored the IBU; the klusterlet is not back yet.

    `certificates` is how many seconds those of the old stateroot are still valid.
    """

    certificates: float


class BootOldStateroot(Struct, frozen=True):
    """The original stateroot is up again, with its own etcd and its klusterlet."""


class RestoreIbu(Struct, frozen=True):
    """LCA replaces the IBU of the old etcd by the copy that it saved."""


class ConnectKlusterlet(Struct, frozen=True):
    """The klusterlet reaches the hub again."""


class ClearExpiration(Struct, frozen=True):
    pass


class ClearConditions(Struct, frozen=True):
    """Idle: every other condition, the history and the expiration go."""


class AwaitCleanup(Struct, frozen=True):
    """Waits for the annotation that says that someone has cleaned up by hand."""


NodeEffect = ShutDownNode | BootNewStateroot | BootOldStateroot | RestoreIbu | ConnectKlusterlet
Effect = (
    SetCondition
    | RemoveCondition
    | OpenPhase
    | EndStage
    | ValidateSpec
    | CheckHealth
    | UnpackSeed
    | AnnotateWarning
    | JobRuns
    | ClearExpiration
    | ClearConditions
    | AwaitCleanup
) | NodeEffect


class ScriptStep(Struct, frozen=True):
    """`effects` happen together, `after` seconds after the beat before."""

    after: float
    effects: tuple[Effect, ...]


Script = tuple[ScriptStep, ...]


def beat(after: float, *effects: Effect) -> ScriptStep:
    return ScriptStep(after, effects)


def say(stage: str, message: str) -> SetCondition:
    return SetCondition(f"{stage}InProgress", "True", "InProgress", message)


def failed(stage: str, message: str) -> tuple[Effect, ...]:
    """The general condition comes first, the one with the reason last."""
    return (
        SetCondition(f"{stage}Completed", "False", "Failed", f"{stage} failed"),
        SetCondition(f"{stage}InProgress", "False", "Failed", message),
        EndStage("failed", message),
    )


def completed(stage: str, message: str) -> tuple[Effect, ...]:
    return (
        SetCondition(f"{stage}InProgress", "False", "Completed", f"{stage} completed"),
        SetCondition(f"{stage}Completed", "True", "Completed", message),
        EndStage("completed", message),
    )


def spread(seconds: float, effects: Iterable[tuple[Effect, ...]]) -> list[ScriptStep]:
    """The given effects at even distances over a time; the last one at its end."""
    steps = list(effects)
    return [ScriptStep(seconds / len(steps), step) for step in steps]
