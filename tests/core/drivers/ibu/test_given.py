"""Fields of ibuSpec that a cluster refuses to change until it is back at Idle."""

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.given import refused_fields
from ibgu.core.engine.driver import GivenSpec
from ibgu.core.model.kinds import AutoRollback, IbuSpec, ObjectRef, RolloutSpec, SeedImageRef

SEED = SeedImageRef(image="quay.example/seed@sha256:1", version="4.17.2")
BEFORE = IbuSpec(
    seed_image_ref=SEED,
    oadp_content=[ObjectRef("oadp-cm", "openshift-adp")],
    extra_manifests=[ObjectRef("extra", "edge")],
)
CLUSTERS = ("s1", "s2", "s3", "s4")


def warned(
    spec: IbuSpec,
    action: Action = Action.ROLLBACK,
    last: Action = Action.UPGRADE,
    *,
    readable: bool = True,
) -> list[str]:
    given = GivenSpec(last, RolloutSpec(BEFORE), "edge/ran", readable)
    return list(refused_fields(action, CLUSTERS, spec, dict.fromkeys(CLUSTERS, given)))


def test_each_field_missing_from_a_rollback_is_named() -> None:
    assert warned(IbuSpec(seed_image_ref=SEED)) == [
        f"spec.ibuSpec.{field} is missing: 4 clusters were prepared or upgraded by edge/ran with "
        "another value, and refuse Rollback, because no field may change before Idle; copy the "
        "field from there (s1, s2, s3, …)"
        for field in ("oadpContent", "extraManifests")
    ]


def test_new_and_changed_fields_are_named() -> None:
    other = IbuSpec(
        seed_image_ref=SeedImageRef(image="other", version="4.17.2"),
        oadp_content=BEFORE.oadp_content,
        extra_manifests=BEFORE.extra_manifests,
        auto_rollback_on_failure=AutoRollback(60),
    )
    found = [words.partition(":")[0] for words in warned(other)]
    assert found == [
        "spec.ibuSpec.seedImageRef differs",
        "spec.ibuSpec.autoRollbackOnFailure is new",
    ]


def test_fields_of_an_unreadable_rollout_are_only_called_different() -> None:
    found = [
        words.partition(":")[0] for words in warned(IbuSpec(seed_image_ref=SEED), readable=False)
    ]
    assert found == ["spec.ibuSpec.oadpContent differs", "spec.ibuSpec.extraManifests differs"]


def test_unchanged_fields_and_idle_actions_give_no_warning() -> None:
    assert warned(BEFORE) == []
    bare = IbuSpec(seed_image_ref=SEED)
    assert warned(bare, Action.ABORT) == []
    assert warned(bare, last=Action.FINALIZE_UPGRADE) == []
    given = {"s1": GivenSpec(Action.PREP, RolloutSpec(BEFORE), "edge/ran")}
    (first, _) = refused_fields(Action.PREP, ("s1", "unknown"), bare, given)
    assert "1 cluster was prepared or upgraded by edge/ran" in first
    assert "and keeps it: Prep counts as done there, or fails" in first
    (first, _) = refused_fields(Action.UPGRADE, ("s1", "unknown"), bare, given)
    assert "and refuses Upgrade" in first


def test_the_driver_compares_with_the_ibu_spec() -> None:
    given = {"s1": GivenSpec(Action.UPGRADE, RolloutSpec(BEFORE), "edge/ran", readable=True)}
    bare = RolloutSpec(IbuSpec(seed_image_ref=SEED))
    asked = list(IBU.refused_fields(Action.ROLLBACK, ("s1",), bare, given))
    assert asked
    assert asked == list(refused_fields(Action.ROLLBACK, ("s1",), bare.ibu_spec, given))
    assert not list(IBU.refused_fields(Action.ROLLBACK, ("s1",), RolloutSpec(BEFORE), given))
