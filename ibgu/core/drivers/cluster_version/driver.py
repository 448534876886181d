"""The driver of updates to another release."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from msgspec import Raw

from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS, UpdateAction
from ibgu.core.drivers.cluster_version.failures import (
    KnownUpdateFailure,
    UpdateFailure,
    known_failure,
)
from ibgu.core.drivers.cluster_version.feedback import TARGET, VersionView, view_version
from ibgu.core.drivers.cluster_version.job_actions import (
    job_of,
    judge_job,
    missing_backup,
    needed_backup,
    verdict_on_job,
)
from ibgu.core.drivers.cluster_version.manifests import (
    companions_of,
    configs_of,
    manifests_of,
    strategy_of,
)
from ibgu.core.drivers.cluster_version.meanings import UPDATE_MEANINGS
from ibgu.core.drivers.cluster_version.pauses import asked
from ibgu.core.drivers.cluster_version.spec import API_VERSION, problem_of_update, update_of
from ibgu.core.drivers.cluster_version.states import judge_update, out_of_update, verdict_on_update
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
from ibgu.core.model import ActionName, Cause, FeedbackView, Rollout, Run, WorkView, names, traits
from ibgu.core.model.kinds import (
    ConfigMap,
    FeedbackValue,
    JsonObject,
    Reference,
    RolloutSpec,
    Secret,
)

_REFUSED = ("is invalid", "Invalid value", "cannot set both", "field not declared in schema")

_NO_OBJECT = re.compile(
    r"(have a resource type|no matches for kind) \W*ClusterVersion"
    r'|ClusterVersion\S* "version" is invalid: spec: Required'
)
"""The API server's words where it has no such kind; and where it has the kind alone, and a bare
object can't be created."""


class ClusterVersionDriver:
    """ClusterVersionDriver answers the engine for OpenShift's ClusterVersion."""

    kind = names.FLEET_UPDATE
    api_version = API_VERSION
    actions = UPDATE_ACTIONS
    target = TARGET
    agent = "the cluster-version operator"
    field = "spec.desiredUpdate"
    failures = tuple(map(str, UpdateFailure))
    absent_message = "The cluster has no ClusterVersion: it is not an OpenShift cluster"

    def problem(self, spec: RolloutSpec) -> str | None:
        return problem_of_update(spec.update)

    def refused_fields(
        self,
        action: ActionName,
        clusters: Sequence[str],
        spec: RolloutSpec,
        given: Mapping[str, GivenSpec],
    ) -> Iterable[str]:
        return ()

    def annotations(self, found: Mapping[str, str]) -> dict[str, str]:
        return {}

    def rollback_time(self, spec: RolloutSpec) -> timedelta:
        return timedelta()

    def references(self, spec: RolloutSpec, namespace: str) -> Sequence[Reference]:
        return ()

    def payload(self, sources: Iterable[ConfigMap | Secret]) -> Iterable[JsonObject]:
        return ()

    def manifests(
        self, rollout: Rollout, run: Run | None, generation: int, seen: FeedbackView | None
    ) -> Sequence[Raw | JsonObject]:
        return manifests_of(rollout, run, generation, None if seen is None else _version(seen))

    def strategy(self, rollout: Rollout, run: Run, seen: FeedbackView | None) -> JsonObject:
        return strategy_of(rollout, run, None if seen is None else _version(seen))

    def configs(
        self, rollout: Rollout, run: Run, seen: FeedbackView | None
    ) -> Sequence[JsonObject]:
        return configs_of(rollout, run, None if seen is None else _version(seen))

    def companions(
        self, rollout: Rollout, run: Run | None, seen: FeedbackView | None, *, resuming: bool
    ) -> Sequence[Companion]:
        view = None if seen is None else _version(seen)
        return companions_of(rollout, run, view, resuming=resuming)

    def pauses(self, rollout: Rollout) -> bool:
        return bool(asked(update_of(rollout)))

    def read(self, values: Iterable[FeedbackValue]) -> VersionView:
        return view_version(values)

    def judge(self, feedback: FeedbackView, action: ActionName, rollout: Rollout) -> Judgement:
        if traits(action).runs_job:
            return judge_job(_version(feedback), UpdateAction(action), update_of(rollout))
        return judge_update(_version(feedback), UpdateAction(action), rollout)

    def verdict(self, feedback: FeedbackView, action: ActionName, rollout: Rollout) -> Verdict:
        if traits(action).runs_job:
            return Verdict(VerdictKind.RUNNING)
        return verdict_on_update(_version(feedback), UpdateAction(action), rollout)

    def prerequisite(
        self, feedback: FeedbackView, action: ActionName, rollout: Rollout
    ) -> Prerequisite | None:
        return needed_backup(_version(feedback), UpdateAction(action), update_of(rollout))

    def part(self, action: ActionName, controls: Mapping[str, str]) -> Part | None:
        return None

    def lacks_backup(
        self, action: ActionName, spec: RolloutSpec, controls: Mapping[str, str]
    ) -> str:
        return missing_backup(action, spec)

    def job(self, rollout: Rollout, run: Run, seen: FeedbackView) -> Sequence[JsonObject]:
        return job_of(rollout, run, _version(seen))

    def job_verdict(
        self, work: WorkView, seen: FeedbackView, action: ActionName, rollout: Rollout
    ) -> Verdict:
        return verdict_on_job(work, _version(seen), UpdateAction(action), rollout)

    def out_of_stage(self, feedback: FeedbackView) -> bool:
        return out_of_update(_version(feedback))

    def refusal(self, work: WorkView, action: ActionName) -> ActionRefusal | None:
        error = work.apply_error
        if self.absent(work) or not any(words in error for words in _REFUSED):
            return None
        return ActionRefusal(Cause.SPEC_REFUSED, f"the cluster refused the request: {error}")

    def absent(self, work: WorkView) -> bool:
        return work.target_available == "False" or bool(_NO_OBJECT.search(work.apply_error))

    def failure(self, action: ActionName, message: str) -> KnownUpdateFailure | None:
        return known_failure(message)

    def meanings(self, action: ActionName | None) -> KindMeanings:
        return UPDATE_MEANINGS


CLUSTER_VERSION: Driver = ClusterVersionDriver()


def _version(feedback: FeedbackView) -> VersionView:
    assert isinstance(feedback, VersionView)
    return feedback
