"""Those who have no rollout at hand find the driver by an action, or by the object of a work."""

from collections.abc import Callable

import pytest

from ibgu.core.drivers import DRIVERS, KIND_TEXTS, failure_names
from ibgu.core.drivers.cluster_version.failures import UpdateFailure
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.failures import Failure
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.driver import KindMeanings, Target
from ibgu.core.engine.works import work_reader
from ibgu.core.model import ActionTraits
from ibgu.core.model.kinds import (
    FeedbackValue,
    FieldValue,
    ManifestCondition,
    ManifestWork,
    ObjectMeta,
    ResourceMeta,
    ResourceStatus,
    StatusFeedback,
    WorkStatus,
)
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareView
from tests.oracle.kinds import PROOFS

TRAITS: dict[str, Callable[[ActionTraits], bool]] = {
    "labels": lambda action: not action.clears_labels,
    "reboots": lambda action: action.reboots,
    "preflight": lambda action: action.preflight,
    "rate_limited": lambda action: action.rate_limited,
    "brings": lambda action: action.brings,
    "cancels": lambda action: action.cancels,
    "ways_back": lambda action: action.leads_back,
    "expires": lambda action: action.expires,
}
"""What the certifier has in a table of its own, by the name there."""
BOTH = {**DRIVERS, FirmwareDriver.kind: FirmwareDriver()}
ROLE = ManifestCondition(ResourceMeta(group="rbac.authorization.k8s.io", kind="ClusterRole"))


def work(*entries: ManifestCondition) -> ManifestWork:
    return ManifestWork(ObjectMeta(name="w"), WorkStatus([], ResourceStatus([ROLE, *entries])))


def entry(target: Target) -> ManifestCondition:
    meta = ResourceMeta(group=target.group, kind=target.kind, name=target.name)
    values = [FeedbackValue("stage", FieldValue("String", "Stage"))]
    return ManifestCondition(meta, [], StatusFeedback(values))


@pytest.mark.parametrize(
    ("target", "view"), [(IBU.target, IbuView), (FirmwareDriver.target, FirmwareView)]
)
def test_a_work_is_read_by_the_driver_of_what_it_brings(target: Target, view: type) -> None:
    assert type(work_reader(BOTH)(work(entry(target))).view.feedback) is view


def test_a_work_without_such_an_object_has_no_feedback() -> None:
    assert work_reader(BOTH)(work()).view.feedback is None


def test_texts_are_known_by_their_action() -> None:
    known = KIND_TEXTS.failure("Upgrade", "Rollback due to LCA Init Monitor timeout")
    assert known is not None
    assert known.name == Failure.INIT_MONITOR_TIMEOUT
    assert KIND_TEXTS.meanings("Upgrade") is IBU_MEANINGS
    assert KIND_TEXTS.meanings(None) == KindMeanings()
    assert failure_names() == [*map(str, Failure), *map(str, UpdateFailure)]


@pytest.mark.parametrize("kind", DRIVERS)
@pytest.mark.parametrize("name", TRAITS)
def test_the_certifier_knows_the_traits_of_all_actions(kind: str, name: str) -> None:
    has = TRAITS[name]
    assert getattr(PROOFS[kind], name) == {a.name for a in DRIVERS[kind].actions.actions if has(a)}
