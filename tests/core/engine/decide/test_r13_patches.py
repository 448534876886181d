"""R13: a patch is pending from its outcome until it is written, or someone else changes the
key."""

from datetime import timedelta

import pytest

from ibgu.core.engine.decide import decide_pending_patch
from ibgu.core.model import Change, Kind, OnMember, OnPendingPatch, PendingPatch
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

COMPLETED = "lcm.openshift.io/ibgu-prep-completed"


def site() -> InMemoryEngine:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    return engine


def test_the_outcome_is_in_the_journal_before_its_label_is_pending() -> None:
    engine = site()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    kinds = [said.decision for said in engine.said]
    ended = next(
        n for n, d in enumerate(kinds) if isinstance(d, OnMember) and d.kind is Kind.RUN_ENDED
    )
    patch = next(n for n, d in enumerate(kinds) if isinstance(d, OnPendingPatch))
    assert ended < patch


def test_a_pending_patch_survives_a_restart_and_is_written_once() -> None:
    engine = site()
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.LABELS_PENDING)
    assert engine.patched == []
    engine.restart()
    engine.wait(hours=1)
    assert engine.patched == [("site-1", COMPLETED, "")]
    assert not engine.fleet.pending_patches


def test_labels_that_are_changed_later_are_never_put_back() -> None:
    engine = site()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=10)
    engine.labels["site-1"].clear()
    engine.touch_everything()
    engine.wait(hours=1)
    engine.restart()
    engine.wait(hours=1)
    assert engine.labels["site-1"] == {}


def pending(seen: str | None, wanted: str | None) -> PendingPatch:
    return PendingPatch(
        uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"k": Change(seen, wanted)}
    )


@pytest.mark.parametrize(
    ("seen", "wanted", "shown", "settled"),
    [
        (None, "", None, False),
        (None, "", "", True),
        (None, "", "theirs", True),
        ("", None, "", False),
        ("", None, None, True),
        ("", None, "theirs", True),
        ("old", "new", "old", False),
        ("old", "new", "new", True),
        ("old", "new", None, True),
    ],
)
def test_a_change_is_pending_until_the_key_shows_it_or_a_foreign_value(
    seen: str | None, wanted: str | None, shown: str | None, settled: bool
) -> None:
    engine = InMemoryEngine("site-1")
    engine.labels["site-1"] = {} if shown is None else {"k": shown}
    found = decide_pending_patch(pending(seen, wanted), engine.cluster("site-1"))
    assert (found is not None and found.pending.empty) == settled
    assert (found is None) != settled


def test_a_cluster_that_is_gone_or_another_one_has_nothing_pending() -> None:
    engine = InMemoryEngine("site-1")
    for cluster in (None, engine.cluster("site-1")):
        patch = PendingPatch(
            uid="uid-before", cluster="site-1", rollout="a", labels={"k": Change(None, "")}
        )
        found = decide_pending_patch(patch, cluster)
        assert found is not None
        assert found.pending.empty


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"k": "", "j": ""}, "the ManagedCluster shows them"),
        ({"k": "theirs", "j": ""}, "changed by someone else since, and left as it is: k"),
    ],
)
def test_the_history_says_how_a_change_was_settled(shown: dict[str, str], words: str) -> None:
    engine = InMemoryEngine("site-1")
    engine.labels["site-1"] = shown
    labels = {"k": Change(None, ""), "j": Change(None, ""), "open": Change(None, "")}
    cluster = engine.cluster("site-1")
    assert cluster is not None
    patch = PendingPatch(uid=cluster.uid, cluster="site-1", rollout="a", labels=labels)
    found = decide_pending_patch(patch, cluster)
    assert found is not None
    assert (list(found.pending.labels), found.why) == (["open"], words)
    gone = decide_pending_patch(patch, None)
    assert gone is not None
    assert gone.why == "the ManagedCluster is gone: nothing is pending any more"


def test_a_newer_outcome_replaces_what_is_still_pending() -> None:
    """The hub takes no writes while Prep and then Abort end."""
    engine = site()
    engine.apply(ibgu("a", "Prep", "Abort"))
    engine.until(Kind.LABELS_PENDING)
    (patch,) = engine.fleet.pending_patches.values()
    assert patch.labels == {COMPLETED: Change(None, "")}
    while engine.told(Kind.STEP_FINISHED)[-1:] != ["step 2 is finished: 1 succeeded"]:
        engine.patches.clear()
        engine.step()
    engine.patches.update({patch.uid: patch for patch in engine.fleet.pending_patches.values()})
    engine.drive(timedelta(hours=1))
    assert engine.labels["site-1"] == {}
    assert not engine.fleet.pending_patches


def test_a_newer_wish_is_pending_even_if_the_hub_shows_it_already() -> None:
    """The write of the older one may be on its way."""
    engine = site()
    engine.apply(ibgu("a", "Prep", "Abort"))
    while engine.told(Kind.STEP_FINISHED)[-1:] != ["step 2 is finished: 1 succeeded"]:
        engine.patches.clear()
        engine.step()
    said = [said.decision for said in engine.said if isinstance(said.decision, OnPendingPatch)]
    patch = [found.pending.labels for found in said if found.kind is Kind.LABELS_PENDING]
    assert patch == [{COMPLETED: Change(None, "")}, {COMPLETED: Change("", None)}]


def test_membership_of_the_next_step_counts_what_is_pending_as_written() -> None:
    engine = site()
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    while len(engine.told(Kind.STEP_STARTED)) < 2:
        engine.patches.clear()
        engine.step()
    assert engine.labels["site-1"] == {}
    assert list(engine.tracked("uid-a").steps[1].members) == ["site-1"]
