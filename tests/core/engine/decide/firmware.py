"""A second kind of change, as small as one can be: a device's firmware, which Stage downloads and
Flash writes. It has a driver, and a node that plays its agent."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from msgspec import Raw, json
from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.spec import references
from ibgu.core.drivers.ibu.works import payload_manifests
from ibgu.core.engine.driver import (
    ActionRefusal,
    Companion,
    FailureText,
    GivenSpec,
    Judgement,
    JudgementKind,
    KindMeanings,
    Part,
    Prerequisite,
    Target,
    Verdict,
    VerdictKind,
)
from ibgu.core.engine.works import DesiredWork
from ibgu.core.engine.works.config import answered_probes, update_strategy
from ibgu.core.model import Cause, FeedbackView, ReasonKind, Rollout, Run, WorkView, names
from ibgu.core.model.actions import (
    ActionTable,
    ActionTraits,
    AgeRange,
    Danger,
    RequiredLabels,
    Risk,
    plans,
)
from ibgu.core.model.kinds import (
    ConfigMap,
    FeedbackValue,
    JsonObject,
    Reference,
    RolloutSpec,
    Secret,
)
from ibgu.core.model.meaning import Meaning
from tests.core.engine.decide.node import Node

MINUTE = timedelta(minutes=1)
IDLE, DOWNLOADED, FLASHED = "Idle", "Downloaded", "Flashed"
LOCKED, NO_DEVICE = "the device is locked", "no device found"
GOALS = {"Stage": DOWNLOADED, "Flash": FLASHED, "Idle": IDLE}
STARTS = {"Stage": IDLE, "Flash": DOWNLOADED, "Keep": FLASHED}
PREFIX = "devices.example.com/firmware-"
_USUAL = AgeRange(30.0, 600.0)
_FLASH = ActionTraits(
    name="Flash",
    stage="Flash",
    label_prefix=PREFIX,
    usual=_USUAL,
    need=RequiredLabels(any_of=(f"{PREFIX}stage-completed",)),
    reboots=True,
    rolls_back=True,
    import_off=True,
    rate_limited=True,
)
_BACK = ActionTraits(
    name="Revert",
    stage="Idle",
    label_prefix=PREFIX,
    usual=_USUAL,
    need=RequiredLabels(none_of=(f"{PREFIX}flash-completed",)),
    risk=Risk(Danger.DESTRUCTIVE, "The downloaded image is deleted from each device."),
    clears_labels=True,
    aborts=True,
    cancels=True,
    leads_back=True,
)
FIRMWARE_ACTIONS = ActionTable(
    actions=(
        ActionTraits(
            name="Stage",
            stage="Stage",
            label_prefix=PREFIX,
            usual=_USUAL,
            carries_payload=True,
            begins=True,
            rate_limited=True,
            implied_by="Flash",
        ),
        _FLASH,
        ActionTraits(
            name="Keep",
            stage="Idle",
            label_prefix=PREFIX,
            usual=_USUAL,
            need=RequiredLabels(any_of=(f"{PREFIX}flash-completed",)),
            risk=Risk(Danger.IRREVERSIBLE, "The firmware from before is deleted."),
            clears_labels=True,
        ),
        _BACK,
        replace(
            _BACK,
            name="RevertFailed",
            need=RequiredLabels(any_of=(f"{PREFIX}stage-failed", f"{PREFIX}flash-failed")),
            after_failure=True,
            cancels=False,
        ),
    ),
    plans=plans(
        (
            "Stage",
            "Stage|Flash",
            "Stage Flash",
            "Stage Flash Keep",
            "Stage|Flash|Keep",
            "Stage Flash|RevertFailed",
            "Stage Flash|RevertFailed|Keep",
            "Stage|Revert",
            "Stage|RevertFailed",
            "Flash",
            "Flash|Keep",
            "Keep",
            "Revert",
            "RevertFailed",
        )
    ),
)


PATHS = {
    "stage": ".spec.wanted",
    "generation": ".metadata.generation",
    "observedGeneration": ".status.observedGeneration",
    "run": r".metadata.annotations.ibgu\.dev/run",
    "phase": ".status.phase",
    "busy": ".status.busy",
    "error": ".status.error",
}
VERSION = "devices.example.com/v1"
TARGET = Target(
    group="devices.example.com",
    kind="Firmware",
    resource="firmwares",
    name="board",
    paths=tuple(Raw(json.encode({"name": name, "path": path})) for name, path in PATHS.items()),
    probe_path=PATHS["stage"],
)


class FirmwareView(FeedbackView, frozen=True, gc=False, kw_only=True):
    phase: str = ""
    busy: bool = False
    error: str = ""

    def recorded(self) -> dict[str, Any]:
        own = {"phase": self.phase, "busy": self.busy, "error": self.error}
        return super().recorded() | own


MEANINGS = KindMeanings(
    reasons={
        ReasonKind.BUSY: Meaning("the firmware agent is at something else", "the agent is done")
    },
    causes={Cause.UPGRADE_FAILED: Meaning("the device has no new firmware", do="flash it again")},
    checks={ReasonKind.BUSY: "check the device of {cluster}"},
)


class FirmwareDriver:
    kind = "FirmwareRollout"
    actions = FIRMWARE_ACTIONS
    api_version = VERSION
    target = TARGET
    agent = "the firmware agent"
    field = "spec.wanted"
    failures = ("ChecksumMismatch",)
    absent_message = "The cluster has no device to flash"

    def problem(self, spec: RolloutSpec) -> str | None:
        return None if spec.ibu_spec.seed_image_ref.version else "the firmware has no version"

    def refused_fields(
        self,
        action: str,
        clusters: Sequence[str],
        spec: RolloutSpec,
        given: Mapping[str, GivenSpec],
    ) -> Iterable[str]:
        return ()

    def annotations(self, found: Mapping[str, str]) -> dict[str, str]:
        return {key: value for key, value in found.items() if "devices.example.com" in key}

    def rollback_time(self, spec: RolloutSpec) -> timedelta:
        return 10 * MINUTE

    def strategy(self, rollout: Rollout, run: Run, seen: FeedbackView | None) -> JsonObject:
        return update_strategy(())

    def companions(
        self, rollout: Rollout, run: Run | None, seen: FeedbackView | None, *, resuming: bool
    ) -> Sequence[Companion]:
        return ()

    def pauses(self, rollout: Rollout) -> bool:
        return False

    def configs(
        self, rollout: Rollout, run: Run, seen: FeedbackView | None
    ) -> Sequence[JsonObject]:
        return ()

    # It brings the same objects as the first kind: the simulated hub has no others.
    def references(self, spec: RolloutSpec, namespace: str) -> Sequence[Reference]:
        return references(spec.ibu_spec, namespace)

    def payload(self, sources: Iterable[ConfigMap | Secret]) -> Iterable[JsonObject]:
        return payload_manifests(sources)

    def manifests(
        self, rollout: Rollout, run: Run | None, generation: int, seen: FeedbackView | None
    ) -> Sequence[Raw | JsonObject]:
        marks = (
            {**rollout.annotations, names.RUN: run.id}
            if run
            else {names.GENERATION: str(generation)}
        )
        meta = {"name": TARGET.name, "annotations": marks}
        spec = {"wanted": traits(run.action).stage if run else "Nothing"}
        return [{"apiVersion": VERSION, "kind": TARGET.kind, "metadata": meta, "spec": spec}]

    def read(self, values: Iterable[FeedbackValue]) -> FirmwareView:
        found = {value.name: value.field_value for value in values}
        text = {name: value.string or "" for name, value in found.items()}
        number = {name: value.integer or 0 for name, value in found.items()}
        return FirmwareView(
            stage=text.get("stage", ""),
            generation=number.get("generation", 0),
            observed_generation=number.get("observedGeneration", 0),
            run=text.get("run", ""),
            probes=answered_probes(found),
            phase=text.get("phase", ""),
            busy="busy" in found and bool(found["busy"].boolean),
            error=text.get("error", ""),
        )

    def judge(self, feedback: FeedbackView, action: str, rollout: Rollout) -> Judgement:
        seen = _firmware(feedback)
        if seen.busy:
            return Judgement(kind=JudgementKind.BUSY, message=f"{seen.stage} goes on")
        if seen.phase == GOALS.get(traits(action).stage):
            return Judgement(kind=JudgementKind.REACHED, note=f"was already {seen.phase}")
        if seen.error and not traits(action).aborts:
            words = f"{action} does not fit: the firmware must be aborted first: {seen.error}"
            return Judgement(kind=JudgementKind.FAILED, message=words, cause=Cause.WRONG_STATE)
        if seen.phase == STARTS.get(action) or (traits(action).aborts and seen.phase != FLASHED):
            return Judgement(kind=JudgementKind.STARTABLE)
        words = f"{action} does not fit: the firmware is {seen.phase}"
        return Judgement(kind=JudgementKind.FAILED, message=words, cause=Cause.WRONG_STATE)

    def verdict(self, feedback: FeedbackView, action: str, rollout: Rollout) -> Verdict:
        seen = _firmware(feedback)
        if seen.busy:
            return Verdict(VerdictKind.RUNNING, message=f"{action} is at 50%")
        if seen.error:
            return Verdict(VerdictKind.FAILED, Cause.UPGRADE_FAILED, seen.error)
        return Verdict(VerdictKind.SUCCEEDED)

    def prerequisite(
        self, feedback: FeedbackView, action: str, rollout: Rollout
    ) -> Prerequisite | None:
        return None

    def part(self, action: str, controls: Mapping[str, str]) -> Part | None:
        return None

    def lacks_backup(self, action: str, spec: RolloutSpec, controls: Mapping[str, str]) -> str:
        return ""

    def job(self, rollout: Rollout, run: Run, seen: FeedbackView) -> Sequence[JsonObject]:
        return ()

    def job_verdict(
        self, work: WorkView, seen: FeedbackView, action: str, rollout: Rollout
    ) -> Verdict:
        return Verdict(VerdictKind.RUNNING)

    def out_of_stage(self, feedback: FeedbackView) -> bool:
        return not _firmware(feedback).busy

    def refusal(self, work: WorkView, action: str) -> ActionRefusal | None:
        if LOCKED not in work.apply_error:
            return None
        return ActionRefusal(Cause.TRANSITION_REFUSED, work.apply_error)

    def absent(self, work: WorkView) -> bool:
        return work.target_available == "False" or NO_DEVICE in work.apply_error

    def failure(self, action: str, message: str) -> FailureText | None:
        if "checksum" not in message:
            return None
        means, fix = "The image is damaged.", "Upload the image again."
        return FailureText(name="ChecksumMismatch", means=means, fix=fix)

    def meanings(self, action: str | None) -> KindMeanings:
        return MEANINGS


def _firmware(feedback: FeedbackView) -> FirmwareView:
    assert isinstance(feedback, FirmwareView)
    return feedback


class FirmwareProofs:
    """The certifier's own reading of what the history records."""

    keeps_spec: frozenset[str] = frozenset()
    label_prefix = PREFIX
    labels = frozenset({"Stage", "Flash"})
    reboots = frozenset({"Flash"})
    rolls_back: frozenset[str] = frozenset()
    resumes: frozenset[str] = frozenset()
    preflight: frozenset[str] = frozenset()
    rate_limited = frozenset({"Stage", "Flash"})
    brings = frozenset({"Stage", "Flash"})
    cancels = frozenset({"Revert"})
    ways_back = frozenset({"Revert"})
    expires: frozenset[str] = frozenset()
    backups: Mapping[str, str] = MappingProxyType({})

    parts: Mapping[str, str] = MappingProxyType({})

    def begun(self, seen: Mapping[str, Any], release: Sequence[str]) -> bool:
        return False

    def stage(self, action: str) -> str:
        return action if action in self.labels else "Idle"

    def fits(self, seen: Mapping[str, Any], action: str, *, manual_cleanup_done: bool) -> bool:
        starts = {"Stage": "Idle", "Flash": "Downloaded", "Keep": "Flashed"}
        return not seen.get("busy") and seen.get("phase") == starts.get(action, "Downloaded")

    def reached(self, seen: Mapping[str, Any], action: str) -> bool:
        goal = {"Stage": "Downloaded", "Flash": "Flashed"}.get(action, "Idle")
        return bool(seen.get("phase") == goal)

    def missing(self, seen: Mapping[str, Any], action: str) -> str:
        return "" if self.reached(seen, action) else f"the firmware was {self.shown(seen)}"

    def failed(self, seen: Mapping[str, Any], action: str) -> bool:
        return bool(seen.get("error"))

    def continues(self, seen: Mapping[str, Any], action: str) -> str:
        return "each action takes one run"

    def paused(self, seen: Mapping[str, Any]) -> Sequence[str]:
        return ()

    def shown(self, seen: Mapping[str, Any]) -> str:
        return str(seen.get("phase"))


class FirmwareNode(Node):
    absent_words = NO_DEVICE

    def __init__(self, name: str, now: datetime) -> None:
        super().__init__(name, now)
        self.locked = False
        self.breaks = ""
        """The error with which flashing ends; empty: it works."""
        self.stage, self.run, self.generation = "Idle", "", 1
        self.phase, self.error, self.busy = IDLE, "", False

    def arm(self, run: Run, seed: tuple[str, str]) -> str:
        if self.locked:
            return f"admission webhook denied the request: {LOCKED}"
        if run.id != self.run:
            self.ask(traits(run.action).stage, run.id)
        return ""

    def ask(self, stage: str, run: str = "") -> None:
        """Carries the stage out; `run` is "" for a hand."""
        self.executed.append((run, stage))
        self.stage, self.run, self.error, self.busy = stage, run, "", True
        self.generation += 1
        flashes = [(MINUTE, self._dark(True)), (5 * MINUTE, self._dark(False))]
        self.play([*(flashes if stage == "Flash" else []), (MINUTE, self._end)])

    def _dark(self, dark: bool) -> Callable[[], None]:
        def change() -> None:
            self.dark = dark

        return change

    def _end(self) -> None:
        self.busy = False
        if self.stage == "Flash" and self.breaks:
            self.error = self.breaks
        else:
            self.phase = GOALS[self.stage]

    def view(self, wanted: DesiredWork) -> FirmwareView:
        return FirmwareView(
            stage=self.stage,
            generation=self.generation,
            observed_generation=self.generation,
            run=self.run,
            probes=frozenset({wanted.probe.id} if wanted.probe else ()),
            phase=self.phase,
            busy=self.busy,
            error=self.error,
        )
