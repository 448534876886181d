"""The driver of the image-based upgrade."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from msgspec import Raw

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.drivers.ibu.backup import (
    job_of,
    missing_backup,
    part_of_upgrade,
    verdict_on_backup,
)
from ibgu.core.drivers.ibu.failures import (
    ApplyError,
    Failure,
    KnownFailure,
    classify,
    explain,
    refused_field,
)
from ibgu.core.drivers.ibu.given import refused_fields
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.drivers.ibu.names import carried
from ibgu.core.drivers.ibu.observe import judge, out_of_stage, verdict
from ibgu.core.drivers.ibu.observe.feedback import view_ibu
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView, as_ibu
from ibgu.core.drivers.ibu.spec import problem_of_ibu, references, rollback_time
from ibgu.core.drivers.ibu.works import payload_manifests
from ibgu.core.drivers.ibu.works.manifests import (
    IBU_ROLE,
    TARGET,
    armed_ibu,
    consumed_fields,
    disarmed_ibu,
)
from ibgu.core.engine.driver import (
    ActionRefusal,
    Companion,
    Driver,
    GivenSpec,
    Judgement,
    KindMeanings,
    Part,
    Prerequisite,
    Verdict,
    VerdictKind,
)
from ibgu.core.engine.works.config import MARK_MANAGER, apply_strategy, update_strategy
from ibgu.core.model import ActionName, Cause, FeedbackView, Rollout, Run, WorkView, names, traits
from ibgu.core.model.actions import whole
from ibgu.core.model.kinds import (
    ConfigMap,
    FeedbackValue,
    JsonObject,
    Reference,
    RolloutSpec,
    Secret,
)


class IbuDriver:
    """IbuDriver answers the engine for the Lifecycle Agent's ImageBasedUpgrade."""

    kind = names.IBGU
    api_version = "lcm.openshift.io/v1alpha1"
    actions = IBU_ACTIONS
    target = TARGET
    agent = "the Lifecycle Agent"
    field = "spec.stage"
    failures = tuple(map(str, Failure))
    absent_message = "Lifecycle Agent is not installed: the cluster has no ImageBasedUpgrade"

    def problem(self, spec: RolloutSpec) -> str | None:
        return problem_of_ibu(spec.ibu_spec)

    def refused_fields(
        self,
        action: ActionName,
        clusters: Sequence[str],
        spec: RolloutSpec,
        given: Mapping[str, GivenSpec],
    ) -> Iterable[str]:
        return refused_fields(action, clusters, spec.ibu_spec, given)

    def annotations(self, found: Mapping[str, str]) -> dict[str, str]:
        return carried(found)

    def rollback_time(self, spec: RolloutSpec) -> timedelta:
        return rollback_time(spec.ibu_spec)

    def references(self, spec: RolloutSpec, namespace: str) -> Sequence[Reference]:
        return references(spec.ibu_spec, namespace)

    def payload(self, sources: Iterable[ConfigMap | Secret]) -> Iterable[JsonObject]:
        return payload_manifests(sources)

    def manifests(
        self, rollout: Rollout, run: Run | None, generation: int, seen: FeedbackView | None
    ) -> Sequence[Raw | JsonObject]:
        ibu = disarmed_ibu(generation) if run is None else armed_ibu(rollout, run, _ibu(seen))
        # Older agents apply in this order, and need the role first.
        return [IBU_ROLE, ibu]

    def strategy(self, rollout: Rollout, run: Run, seen: FeedbackView | None) -> JsonObject:
        if traits(run.action).part_of:
            return apply_strategy(MARK_MANAGER)
        return update_strategy(consumed_fields(rollout, run, _ibu(seen)))

    def configs(
        self, rollout: Rollout, run: Run, seen: FeedbackView | None
    ) -> Sequence[JsonObject]:
        return ()

    def companions(
        self, rollout: Rollout, run: Run | None, seen: FeedbackView | None, *, resuming: bool
    ) -> Sequence[Companion]:
        return ()

    def pauses(self, rollout: Rollout) -> bool:
        return False

    def read(self, values: Iterable[FeedbackValue]) -> IbuView:
        return view_ibu(values)

    def judge(self, feedback: FeedbackView, action: ActionName, rollout: Rollout) -> Judgement:
        return judge(as_ibu(feedback), Action(whole(action)), rollout)

    def verdict(self, feedback: FeedbackView, action: ActionName, rollout: Rollout) -> Verdict:
        if traits(action).part_of:
            # Nothing on the ImageBasedUpgrade says how a Job goes.
            return Verdict(VerdictKind.RUNNING)
        return verdict(as_ibu(feedback), Action(action), rollout)

    def prerequisite(
        self, feedback: FeedbackView, action: ActionName, rollout: Rollout
    ) -> Prerequisite | None:
        return None

    def part(self, action: ActionName, controls: Mapping[str, str]) -> Part | None:
        return part_of_upgrade(action, controls)

    def lacks_backup(
        self, action: ActionName, spec: RolloutSpec, controls: Mapping[str, str]
    ) -> str:
        return missing_backup(action, controls)

    def job(self, rollout: Rollout, run: Run, seen: FeedbackView) -> Sequence[JsonObject]:
        return job_of(rollout, run)

    def job_verdict(
        self, work: WorkView, seen: FeedbackView, action: ActionName, rollout: Rollout
    ) -> Verdict:
        return verdict_on_backup(work)

    def out_of_stage(self, feedback: FeedbackView) -> bool:
        return out_of_stage(as_ibu(feedback))

    def refusal(self, work: WorkView, action: ActionName) -> ActionRefusal | None:
        error = work.apply_error
        kind = classify(error)
        if kind is ApplyError.REFUSED_SPEC:
            words = f"the cluster refused spec.{refused_field(error)}: {error}"
            return ActionRefusal(Cause.SPEC_REFUSED, words)
        if kind is not ApplyError.REFUSED_TRANSITION:
            return None
        final = work.feedback is None or not _may_follow(as_ibu(work.feedback), action)
        return ActionRefusal(Cause.TRANSITION_REFUSED, error, final)

    def absent(self, work: WorkView) -> bool:
        return work.target_available == "False" or classify(work.apply_error) is ApplyError.ABSENT

    def failure(self, action: ActionName, message: str) -> KnownFailure | None:
        return explain(whole(action), message)

    def meanings(self, action: ActionName | None) -> KindMeanings:
        return IBU_MEANINGS


IBU: Driver = IbuDriver()

_PASSING = frozenset({"Blocked", "Aborting", "Finalizing"})


def _ibu(seen: FeedbackView | None) -> IbuView | None:
    return None if seen is None else as_ibu(seen)


def _may_follow(ibu: IbuView, action: ActionName) -> bool:
    """Whether the stage is on offer by now, or will be once what goes on is over (R10.5)."""
    conditions = (ibu.idle, ibu.prep_in_progress, ibu.upgrade_in_progress, ibu.rollback_in_progress)
    passing = any(condition.reason in _PASSING for condition in conditions)
    return passing or traits(action).stage in ibu.next_stages
