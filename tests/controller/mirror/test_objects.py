"""The objects that ask for rollouts, of two kinds."""

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import ManagedFields, ManagedFieldsMeta, RolloutObject
from tests.db.records import NOW


def found(
    kind: str, uid: str, created: str = "2026-11-25T10:00:00Z", name: str = "g"
) -> RolloutObject:
    meta = ManagedFieldsMeta(
        name=name, namespace="ran", uid=uid, resource_version="7", creation_timestamp=created
    )
    return RolloutObject(meta, kind=kind)


def put(mirror: Mirror, *objects: RolloutObject) -> None:
    for each in objects:
        mirror.objects.stores[each.kind].upsert(each)


def test_objects_of_both_kinds_are_found_by_uid() -> None:
    mirror = Mirror(lambda uid, cluster: None)
    upgrade, update = found(names.IBGU, "1"), found(names.FLEET_UPDATE, "2")
    put(mirror, upgrade, update)
    assert mirror.rollout_object("1") is upgrade
    assert mirror.rollout_object("2") is update
    assert mirror.rollout_object("3") is None
    assert [each.metadata.uid for each in mirror.objects] == ["1", "2"]
    assert mirror.versions().lists["fleetupdates"] == 7


def test_an_older_object_of_another_kind_has_the_name() -> None:
    mirror = Mirror(lambda uid, cluster: None)
    older = found(names.IBGU, "1", "2026-11-25T09:00:00Z")
    younger = found(names.FLEET_UPDATE, "2")
    put(mirror, older, younger, found(names.FLEET_UPDATE, "3", name="other"))
    assert mirror.objects.older_namesake(younger) is older
    assert mirror.objects.older_namesake(older) is None


def test_the_uid_decides_between_two_objects_from_one_second() -> None:
    mirror = Mirror(lambda uid, cluster: None)
    one, two = found(names.IBGU, "1"), found(names.FLEET_UPDATE, "2")
    put(mirror, one, two)
    assert mirror.objects.older_namesake(two) is one
    assert mirror.objects.older_namesake(one) is None


def test_the_object_that_waits_for_the_name_is_touched_when_the_other_goes() -> None:
    touched: list[str] = []
    mirror = Mirror(lambda uid, cluster: touched.append(uid))
    older = found(names.IBGU, "1", "2026-11-25T09:00:00Z")
    put(mirror, older, found(names.FLEET_UPDATE, "2"))
    touched.clear()
    mirror.ibgus.delete(older)
    assert touched == ["1", "2"]


def test_another_kind_has_no_group_upgrades_of_talm() -> None:
    mirror = Mirror(lambda uid, cluster: None)
    update = found(names.FLEET_UPDATE, "2")
    rollout = Rollout(
        uid="2", namespace="ran", name="g", created_at=NOW, spec=update.spec, kind=update.kind
    )
    assert mirror.cgus_left(rollout) == []
    assert not mirror.unfinished_cgus(rollout)


def test_a_status_of_talms_goes_with_its_object() -> None:
    """A list that shows another object of that name is the only sign of the deletion."""
    mirror = Mirror(lambda uid, cluster: None)
    written = ManagedFields(manager="talm", subresource="status", time="2026-11-25T10:01:00Z")
    old = found(names.IBGU, "1")
    store = mirror.objects.stores[names.IBGU]
    store.upsert(replace(old, metadata=replace(old.metadata, managed_fields=[written])))
    assert [each.manager for each in mirror.foreign_statuses] == ["talm"]
    store.replace([found(names.IBGU, "2")], "9", unread=())
    assert mirror.foreign_statuses == []
