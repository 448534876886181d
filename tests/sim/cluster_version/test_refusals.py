"""A release that is refused, and what ends the refusal."""

import pytest

from ibgu.sim.cluster_version.objects import ETCD
from ibgu.sim.cluster_version.settings import ack_of
from tests.sim.cluster_version.updating import DIGEST, IMAGE, OTHER, VERSION, Updating


def test_a_release_without_signature_is_refused_for_ever() -> None:
    cluster = Updating(signed=False)
    cluster.ask()
    refusals = 0
    for _ in range(5):
        assert cluster.until("ReleaseAccepted", "False")
        refusals += 1
        refused = cluster.world.now
        assert cluster.until("ReleaseAccepted", "Unknown")
        assert 120 <= cluster.world.now - refused <= 240
    assert refusals == 5
    assert cluster.history[0]["version"] == "4.16.3"
    assert cluster.condition("Failing")[0] == "False"


def test_a_refusal_says_why() -> None:
    cluster = Updating(signed=False)
    cluster.ask()
    cluster.until("ReleaseAccepted", "False")
    assert cluster.condition("ReleaseAccepted") == (
        "False",
        "RetrievePayload",
        f'Retrieving payload failed version="{VERSION}" image="{IMAGE}" failure=The update cannot '
        f"be verified: unable to verify sha256:{DIGEST} against keyrings: "
        "verifier-public-key-redhat",
    )


def test_an_update_begins_by_itself_when_its_signature_arrives() -> None:
    cluster = Updating(signed=False)
    cluster.ask()
    cluster.run(7200)
    cluster.sign()
    assert cluster.until_state("Partial", seconds=300)
    assert cluster.history[0]["verified"] is True


def test_any_write_of_the_cluster_version_makes_it_try_at_once() -> None:
    cluster = Updating(signed=False)
    cluster.ask()
    cluster.until("ReleaseAccepted", "False")
    cluster.sign()
    cluster.mark(run="r2")
    assert cluster.until("ReleaseAccepted", "Unknown", seconds=1)


def test_no_signature_is_needed_where_the_cluster_has_another_source() -> None:
    cluster = Updating(signed=False, signatures_needed=False)
    cluster.ask()
    assert cluster.until_state("Completed")


def test_a_leftover_force_skips_the_signature_and_leaves_a_trace() -> None:
    cluster = Updating(signed=False)
    cluster.ask(force=True)
    assert cluster.until_state("Partial")
    newest = cluster.history[0]
    assert newest["acceptedRisks"].startswith("Forced through blocking failures: ")
    assert newest["verified"] is False


def test_another_minor_release_waits_for_the_ack() -> None:
    cluster = Updating(troubles=("ack-required",))
    assert cluster.condition("Upgradeable")[:2] == ("False", "AdminAckRequired")
    cluster.ask(version="4.17.1")
    assert cluster.until("ReleaseAccepted", "False")
    status, reason, message = cluster.condition("ReleaseAccepted")
    assert (status, reason) == ("False", "PreconditionChecks")
    failed = 'Precondition "ClusterVersionUpgradeable" failed because of "AdminAckRequired": '
    assert failed in message
    cluster.give_ack("ack-4.16-kube-1.30-api-removals-in-4.17")
    assert cluster.until("Upgradeable", "True", seconds=1)
    assert cluster.until_state("Completed")


def test_the_ack_of_the_settings_is_asked_for() -> None:
    cluster = Updating(ack="ack-mine")
    assert "ack-mine" in cluster.condition("Upgradeable")[2]
    cluster.give_ack("ack-another")
    cluster.run(1)
    assert cluster.condition("Upgradeable")[0] == "False"


def test_a_release_of_the_same_minor_needs_no_ack() -> None:
    cluster = Updating(ack="ack-mine")
    cluster.ask()
    assert cluster.until_state("Completed")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("4.16.1", '"ClusterVersionRollback" failed because of "LowDesiredVersion"'),
        ("4.18.1", '"ClusterVersionGiantHop"'),
    ],
)
def test_a_release_that_is_too_far_is_refused(version: str, said: str) -> None:
    cluster = Updating()
    cluster.ask(version=version)
    assert cluster.until("ReleaseAccepted", "False")
    assert said in cluster.condition("ReleaseAccepted")[2]


def test_the_release_before_may_be_asked_for_again() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until_state("Completed")
    cluster.sign("0" * 64)
    cluster.ask(cluster.updates.image, "4.16.3")
    assert cluster.until_state("Completed", cluster.updates.image)


def test_a_missing_backup_of_etcd_refuses_once_and_heals() -> None:
    cluster = Updating(troubles=("backup-required",))
    cluster.ask(version="4.17.1")
    assert cluster.until("ReleaseAccepted", "False")
    assert '"EtcdRecentBackup"' in cluster.condition("ReleaseAccepted")[2]
    assert cluster.until_state("Partial", seconds=300)


def test_another_version_than_the_image_has_is_refused_until_it_is_corrected() -> None:
    cluster = Updating(troubles=("update-refused",))
    cluster.ask()
    assert cluster.until("ReleaseAccepted", "False")
    assert cluster.condition("ReleaseAccepted")[1] == "VerifyPayloadVersion"
    assert f"expected upstream version {VERSION}" in cluster.condition("ReleaseAccepted")[2]
    cluster.operator.trouble("update-refused", False, cluster.world.now)
    assert cluster.until_state("Partial", seconds=300)


def test_keyrings_that_verify_nothing_refuse_a_signed_release() -> None:
    cluster = Updating(troubles=("no-signature",))
    cluster.ask()
    assert cluster.until("ReleaseAccepted", "False")
    cluster.operator.trouble("no-signature", False, cluster.world.now)
    assert cluster.until_state("Partial", seconds=300)


def test_etcd_is_degraded_when_its_trouble_begins_and_sound_when_it_ends() -> None:
    cluster = Updating()
    cluster.operator.trouble("operator-degraded", True, cluster.world.now)
    assert cluster.condition("Degraded", ETCD)[0] == "True"
    cluster.operator.trouble("operator-degraded", False, cluster.world.now)
    assert cluster.condition("Degraded", ETCD)[0] == "False"


def test_a_release_is_not_asked_for_any_more_when_its_owner_leaves_it_out() -> None:
    cluster = Updating(signed=False)
    cluster.ask(OTHER)
    cluster.until("ReleaseAccepted", "False")
    cluster.apply({}, "update")
    assert "desiredUpdate" not in cluster.object["spec"]
    assert cluster.until("ReleaseAccepted", "True", seconds=60)


def test_each_hop_over_two_minor_releases_asks_for_an_ack_of_its_own() -> None:
    cluster = Updating(troubles=("ack-required",), signatures_needed=False)
    cluster.give_ack(ack_of("4.16.3"))
    cluster.ask(version="4.17.1")
    assert cluster.until_state("Completed")
    status, reason, words = cluster.condition("Upgradeable")
    assert (status, reason) == ("False", "AdminAckRequired")
    assert "ack-4.17-kube-1.31-api-removals-in-4.18" in words
    cluster.ask(OTHER, version="4.18.2")
    assert cluster.until("ReleaseAccepted", "False")
    assert "AdminAckRequired" in cluster.condition("ReleaseAccepted")[2]
    cluster.give_ack(ack_of("4.17.1"))
    assert cluster.until_state("Completed", OTHER)
    assert [each["version"] for each in cluster.history] == ["4.18.2", "4.17.1", "4.16.3"]
    requests = cluster.operator.timeline.requests
    assert [(each.version, each.running, each.partial) for each in requests] == [
        ("4.17.1", "4.16.3", False),
        ("4.18.2", "4.17.1", False),
    ]
