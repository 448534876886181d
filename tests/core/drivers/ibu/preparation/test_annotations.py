"""Annotations of the ImageBasedUpgrade: set, taken over, removed."""

from ibgu.core.drivers.ibu.preparation import RollbackTrigger, auto_rollback, cleanup
from ibgu.core.drivers.ibu.preparation.annotations import ON_PREP, THRESHOLD
from ibgu.core.drivers.ibu.preparation.model import IBU, Preparation
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.ibu.preparation.answers import IDLE, PREPARED, readings

PREFIX = "auto-rollback-on-failure.lca.openshift.io/"


def written(preparation: Preparation, annotations: JsonObject) -> list[JsonObject]:
    """Returns the annotations of each version that is applied."""
    found = readings(preparation, {IBU: {**PREPARED, "metadata": {"annotations": annotations}}})
    assert not preparation.objection(found)
    return [
        each.manifest["metadata"]["annotations"]
        for version in preparation.writes(found)
        for each in version
    ]


def test_a_threshold_is_set_where_there_is_none() -> None:
    assert written(cleanup(65, disabled=False), {}) == [{THRESHOLD: "65"}]


def test_nothing_is_written_where_the_annotations_are_as_wanted() -> None:
    assert written(cleanup(65, disabled=False), {THRESHOLD: "65", "other": "x"}) == []
    assert written(cleanup(None, disabled=False), {"other": "x"}) == []


def test_an_annotation_of_somebody_else_is_taken_over_before_it_is_removed() -> None:
    found = written(cleanup(None, disabled=True), {THRESHOLD: "80"})
    assert found == [{ON_PREP: "Disabled", THRESHOLD: "50"}, {ON_PREP: "Disabled"}]


def test_triggers_are_disabled_and_enabled_again() -> None:
    wanted = auto_rollback([RollbackTrigger.INIT_MONITOR])
    assert written(wanted, {}) == [{f"{PREFIX}init-monitor": "Disabled"}]
    assert wanted.summary() == "init-monitor=Disabled"
    both = {f"{PREFIX}init-monitor": "Disabled", f"{PREFIX}upgrade-completion": "Disabled"}
    assert written(auto_rollback([]), both) == [dict.fromkeys(both, "Enabled"), {}]


def test_the_manifest_has_no_spec_and_takes_over_fields() -> None:
    preparation = cleanup(65, disabled=False)
    ((written_object,),) = preparation.writes(readings(preparation, {IBU: IDLE}))
    assert written_object.force
    assert written_object.manifest.keys() == {"apiVersion", "kind", "metadata"}
    (file,) = preparation.files()
    assert file == written_object.manifest


def test_a_cluster_without_the_object_is_left_alone() -> None:
    preparation = cleanup(65, disabled=False)
    absent = readings(preparation, {})
    assert "no ImageBasedUpgrade yet" in preparation.objection(absent)
    unserved = readings(preparation, {}, frozenset({"ImageBasedUpgrade"}))
    assert "no Lifecycle Agent" in preparation.objection(unserved)


def test_the_agent_may_not_create_the_object() -> None:
    (rule,) = cleanup(65, disabled=False).rules
    assert rule["verbs"] == ["get", "patch"]
    assert rule["resourceNames"] == ["upgrade"]


def test_the_state_is_the_annotations_that_were_read() -> None:
    preparation = cleanup(65, disabled=False)
    annotations = {THRESHOLD: "80", ON_PREP: "Disabled"}
    found = readings(preparation, {IBU: {**IDLE, "metadata": {"annotations": annotations}}})
    assert preparation.state(found) == "disk-usage-threshold-percent=80, on-prep=Disabled"
    nothing = readings(preparation, {IBU: IDLE})
    assert preparation.state(nothing) == "the defaults of the Lifecycle Agent"
