"""The proofs in the recorded feedback of an ImageBasedUpgrade, apart from the driver."""

from tests.oracle.ibu_proofs import IBU_PROOFS


def test_a_cluster_that_is_upgraded_has_the_release() -> None:
    release = ("registry.example.com/seed@sha256:1", "4.17.2")
    assert IBU_PROOFS.begun({"conditions": {"UpgradeCompleted": "True"}}, release)
    assert not IBU_PROOFS.begun({"conditions": {"PrepCompleted": "True"}}, release)


def test_no_action_takes_another_run_after_a_success() -> None:
    assert IBU_PROOFS.continues({}, "Upgrade") == "each action takes one run"
