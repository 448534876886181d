"""R50.16: a canary complies with all its policies that are not disabled, or is not well."""

import pytest
from msgspec import convert

from ibgu.core.drivers.canary_health.compliance import ReplicatedPolicy, compliance


def policy(name: str, compliant: str = "Compliant", *, disabled: bool = False) -> ReplicatedPolicy:
    status = {"compliant": compliant} if compliant else {}
    found = {"metadata": {"name": name}, "spec": {"disabled": disabled}, "status": status}
    return convert(found, ReplicatedPolicy)


def test_a_cluster_that_complies_with_all_is_well_and_does_not_know_since_when() -> None:
    found = compliance([policy("ztp.a"), policy("ztp.b"), policy("c", "", disabled=True)])
    assert (found.problem, found.since) == ("", None)


@pytest.mark.parametrize(
    ("compliant", "shown"),
    [
        ("NonCompliant", "NonCompliant"),
        ("Pending", "Pending"),
        ("", "not reported yet"),
        ("\x1b" + "x" * 999, "\ufffd" + "x" * 99),
    ],
)
def test_the_first_policy_that_is_not_kept_is_named(compliant: str, shown: str) -> None:
    found = compliance([policy("ztp.c", "Pending"), policy("ztp.b", compliant), policy("ztp.a")])
    assert found.problem == f"its policy ztp.b is {shown}"
    assert found.reported is (compliant == "NonCompliant")


@pytest.mark.parametrize("policies", [[], [policy("a", "NonCompliant", disabled=True)]])
def test_without_policies_nothing_is_proven(policies: list[ReplicatedPolicy]) -> None:
    words = "no policy is bound to it, and the RolloutPolicy asks for compliance"
    assert compliance(policies).problem == words
