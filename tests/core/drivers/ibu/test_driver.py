"""The driver's answers about works that the cluster refuses, and what the history records."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView, ibu_of
from ibgu.core.engine.driver import ActionRefusal
from ibgu.core.model import Cause, WorkView
from ibgu.core.model.kinds import ConfigMap, IbuSpec, ObjectMeta, ObjectRef, Reference, RolloutSpec

TRANSITION = "the stage transition is not permitted. Please refer to status.validNextStages"
SPEC = "can not change spec.seedImageRef while ibu is in progress"
WORK = WorkView(name="w", uid="u", resource_version="1", generation=1)


def refused(ibu: IbuView | None, error: str, action: Action = Action.UPGRADE) -> object:
    return IBU.refusal(replace(WORK, apply_error=error, feedback=ibu), action)


def test_a_field_that_may_not_change_is_named(states: dict[str, IbuView]) -> None:
    words = f"the cluster refused spec.seedImageRef: {SPEC}"
    assert refused(states["idle"], SPEC) == ActionRefusal(Cause.SPEC_REFUSED, words)


@pytest.mark.parametrize(
    ("state", "action", "final"),
    [
        ("idle", Action.UPGRADE, True),
        ("prepared", Action.UPGRADE, False),
        ("aborting", Action.PREP, False),
        ("idle-blocked", Action.UPGRADE, False),
        (None, Action.PREP, True),
    ],
)
def test_a_refused_transition_is_final_unless_it_may_still_be_offered(
    states: dict[str, IbuView], state: str | None, action: Action, final: bool
) -> None:
    found = refused(states[state] if state else None, TRANSITION, action)
    assert found == ActionRefusal(Cause.TRANSITION_REFUSED, TRANSITION, final)


def test_transient_errors_of_the_agent_are_no_refusal(states: dict[str, IbuView]) -> None:
    assert refused(states["idle"], "connection refused") is None
    assert refused(states["idle"], "") is None


def test_a_missing_agent_is_recognized() -> None:
    assert IBU.absent(replace(WORK, target_available="False"))
    assert IBU.absent(replace(WORK, apply_error='Unsupported value: "Disarmed"'))
    assert not IBU.absent(replace(WORK, target_available="True"))


def test_references_of_the_spec_are_carried() -> None:
    spec = RolloutSpec(ibu_spec=IbuSpec(extra_manifests=[ObjectRef("extra", "site")]))
    assert IBU.references(spec, "default") == [Reference("ConfigMap", "site", "extra")]
    found = ConfigMap(ObjectMeta(name="extra", namespace="site"), {"a": "1"})
    (manifest,) = IBU.payload([found])
    assert (manifest["kind"], manifest["data"]) == ("ConfigMap", {"a": "1"})


def test_nothing_fed_back() -> None:
    assert ibu_of(WORK) is None


def test_the_history_records_the_conditions_that_are_there(states: dict[str, IbuView]) -> None:
    ibu = replace(states["prep-failed"], run="r1")
    found = ibu.recorded()
    assert found["stage"] == "Prep"
    assert found["run"] == "r1"
    assert found["seed"] == [ibu.seed_image, ibu.seed_version]
    assert found["conditions"]["PrepCompleted"] == "False Failed"
    assert "UpgradeCompleted" not in found["conditions"]
    bare = IbuView(idle=IbuCondition("True"))
    assert bare.recorded()["seed"] is None
    assert bare.recorded()["conditions"] == {"Idle": "True"}
