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
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    return twin


def test_the_outcome_is_in_the_journal_before_its_label_is_pending() -> None:
    twin = site()
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    kinds = [said.decision for said in twin.said]
    ended = next(
        n for n, d in enumerate(kinds) if isinstance(d, OnMember) and d.kind is Kind.RUN_ENDED
    )
    patch = next(n for n, d in enumerate(kinds) if isinstance(d, OnPendingPatch))
    assert ended < patch


def test_a_pending_patch_survives_a_restart_and_is_written_once() -> None:
    twin = site()
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.LABELS_PENDING)
    assert twin.patched == []
    twin.restart()
    twin.wait(hours=1)
    assert twin.patched == [("site-1", COMPLETED, "")]
    assert not twin.fleet.pending_patches


def test_labels_that_are_changed_later_are_never_put_back() -> None:
    twin = site()
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=10)
    twin.labels["site-1"].clear()
    twin.touch_everything()
    twin.wait(hours=1)
    twin.restart()
    twin.wait(hours=1)
    assert twin.labels["site-1"] == {}


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
    twin = InMemoryEngine("site-1")
    twin.labels["site-1"] = {} if shown is None else {"k": shown}
    found = decide_pending_patch(pending(seen, wanted), twin.cluster("site-1"))
    assert (found is not None and found.pending.empty) == settled
    assert (found is None) != settled


def test_a_cluster_that_is_gone_or_another_one_has_nothing_pending() -> None:
    twin = InMemoryEngine("site-1")
    for cluster in (None, twin.cluster("site-1")):
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
    twin = InMemoryEngine("site-1")
    twin.labels["site-1"] = shown
    labels = {"k": Change(None, ""), "j": Change(None, ""), "open": Change(None, "")}
    cluster = twin.cluster("site-1")
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
    twin = site()
    twin.apply(ibgu("a", "Prep", "Abort"))
    twin.until(Kind.LABELS_PENDING)
    (patch,) = twin.fleet.pending_patches.values()
    assert patch.labels == {COMPLETED: Change(None, "")}
    while twin.told(Kind.STEP_FINISHED)[-1:] != ["step 2 is finished: 1 succeeded"]:
        twin.patches.clear()
        twin.step()
    twin.patches.update({patch.uid: patch for patch in twin.fleet.pending_patches.values()})
    twin.drive(timedelta(hours=1))
    assert twin.labels["site-1"] == {}
    assert not twin.fleet.pending_patches


def test_a_newer_wish_is_pending_even_if_the_hub_shows_it_already() -> None:
    """The write of the older one may be on its way."""
    twin = site()
    twin.apply(ibgu("a", "Prep", "Abort"))
    while twin.told(Kind.STEP_FINISHED)[-1:] != ["step 2 is finished: 1 succeeded"]:
        twin.patches.clear()
        twin.step()
    said = [said.decision for said in twin.said if isinstance(said.decision, OnPendingPatch)]
    patch = [found.pending.labels for found in said if found.kind is Kind.LABELS_PENDING]
    assert patch == [{COMPLETED: Change(None, "")}, {COMPLETED: Change("", None)}]


def test_membership_of_the_next_step_counts_what_is_pending_as_written() -> None:
    twin = site()
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    while len(twin.told(Kind.STEP_STARTED)) < 2:
        twin.patches.clear()
        twin.step()
    assert twin.labels["site-1"] == {}
    assert list(twin.tracked("uid-a").steps[1].members) == ["site-1"]
