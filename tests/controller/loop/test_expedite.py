"""The mirror tells what a person has changed: nobody should wait for what becomes of it."""

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.model.kinds import ManagedFieldsMeta, RolloutObject, RolloutSpec


def found(version: int, generation: int = 1, **more: str) -> RolloutObject:
    meta = ManagedFieldsMeta(name="g", namespace="default", uid="1", resource_version=str(version))
    return RolloutObject(replace(meta, generation=generation, annotations=more), RolloutSpec())


def test_a_changed_spec_or_pause_expedites_after_the_touch() -> None:
    told: list[str] = []
    mirror = Mirror(
        lambda uid, cluster: told.append("touched"),
        lambda uid: told.append("status"),
        changed_by_person=lambda uid: told.append("changed_by_person"),
    )
    mirror.ibgus.upsert(found(1))
    mirror.ibgus.upsert(found(2, generation=2))
    mirror.ibgus.upsert(found(3, generation=2, pause="yes"))
    assert told == ["touched", "changed_by_person"] * 3

    mirror.ibgus.upsert(found(4, generation=2, pause="yes"))
    assert told[6:] == []
    mirror.ibgus.delete(found(5))
    assert told[6:] == ["touched", "changed_by_person"]
