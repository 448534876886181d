"""The records that shadow mode keeps in memory."""

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.shadow.recorder import ShadowRecorder
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import OwnerReference
from ibgu.core.talm import shown_talm_work
from ibgu.db.shadow import ShadowRecords
from tests.core.assurance.recover.objects import UID, obj
from tests.core.talm.objects import as_cgu, as_work, cgu, work
from tests.db.records import NOW


def nothing(*_: str) -> None:
    """Nobody has to be notified."""


def keep(recorder: ShadowRecorder) -> ShadowRecords:
    """Keeps records as the shadow does: look, write, forget what was new."""
    recorder.observe(NOW)
    changed = recorder.changed()
    recorder.kept()
    return changed


def test_an_ibgu_that_is_gone_is_forgotten_once_it_is_written() -> None:
    mirror = Mirror(nothing, nothing)
    ibgu = obj("Prep", namespace="fleet", resource_version="1")
    group = as_cgu(cgu("a", 0, "Prep", batches=[["s1"]], batch=1, resourceVersion="2"))
    owner = OwnerReference(uid=UID)
    group = replace(group, metadata=replace(group.metadata, owner_references=[owner]))
    found = shown_talm_work(as_work(work("s1", Action.PREP, group=group.metadata.name)))
    mirror.ibgus.upsert(ibgu)
    mirror.cgus.upsert(group)
    mirror.talm.upsert(found)
    recorder = ShadowRecorder(mirror, ShadowRecords())
    assert len(keep(recorder).runs) == 1
    mirror.talm.delete(found)
    mirror.cgus.delete(group)
    mirror.ibgus.delete(ibgu)
    recorder.observe(NOW)
    assert (len(recorder.rollouts), len(recorder.runs)) == (1, 1), "it is not written yet"
    (gone,) = recorder.changed().rollouts
    assert gone.deleted
    recorder.kept()
    assert (recorder.rollouts, recorder.steps, recorder.runs, recorder._seen) == ({}, {}, {}, {})
    assert keep(recorder) == ShadowRecords()
