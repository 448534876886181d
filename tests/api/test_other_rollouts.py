"""The rollouts on the hub that are newer than one."""

from ibgu.api.changes.other_rollouts import selecting
from ibgu.core.model.kinds import ManagedFieldsMeta, RolloutObject, RolloutSpec
from tests.db.records import NOW, rollout

SECOND = NOW.replace(microsecond=0)


def on_hub(uid: str) -> RolloutObject:
    meta = ManagedFieldsMeta(name=f"up-{uid}", uid=uid, creation_timestamp=SECOND.isoformat())
    return RolloutObject(metadata=meta, spec=RolloutSpec())


def test_the_greater_uid_of_one_second_is_newer() -> None:
    found = [on_hub("a"), on_hub("b")]
    older, newer = (rollout(uid, created_at=SECOND) for uid in ("a", "b"))
    assert [each.uid for each in selecting(found, older)] == ["b"]
    assert selecting(found, newer) == []
