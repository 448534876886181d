"""References that are carried: those that the admission policy has checked, and which others."""

from datetime import datetime, timedelta

import pytest

from ibgu.core.drivers.ibu.spec import references
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import IbuSpec, NameRef, ObjectRef, RolloutSpec, SeedImageRef
from ibgu.core.plan.references import (
    SETTLED,
    ReferenceVerdict,
    UncheckedPolicy,
    judge_references,
)
from tests.core.engine.state.records import NOW, rollout

SEED = SeedImageRef(pull_secret_ref=NameRef("pull"))
OWN = ObjectRef("own", "default")
FOREIGN = ObjectRef("oadp", "openshift-adp")


def referring(*maps: ObjectRef, seed: SeedImageRef = SEED) -> Rollout:
    spec = RolloutSpec(ibu_spec=IbuSpec(seed, oadp_content=list(maps)))
    return rollout(namespace="default", spec=spec)


def judged(rollout: Rollout, enforced: datetime | None, rule: UncheckedPolicy) -> ReferenceVerdict:
    named = references(rollout.spec.ibu_spec, rollout.namespace)
    return judge_references(rollout, named, enforced, rule)


@pytest.mark.parametrize("rule", UncheckedPolicy)
def test_references_checked_by_the_policy_are_carried(rule: UncheckedPolicy) -> None:
    enforced = NOW - SETTLED - timedelta(seconds=1)
    assert judged(referring(FOREIGN), enforced, rule) == ReferenceVerdict()


@pytest.mark.parametrize("rule", UncheckedPolicy)
def test_a_spec_without_references_needs_no_check(rule: UncheckedPolicy) -> None:
    assert judged(referring(seed=SeedImageRef()), None, rule) == ReferenceVerdict()


@pytest.mark.parametrize("rule", [UncheckedPolicy.TRUST, UncheckedPolicy.AUTO])
def test_trusted_references_are_carried_without_a_policy(rule: UncheckedPolicy) -> None:
    assert judged(referring(FOREIGN), None, rule) == ReferenceVerdict()


@pytest.mark.parametrize("after", [-SETTLED, timedelta(0), timedelta(days=9)])
def test_an_ibgu_older_than_the_policy_gets_a_warning(after: timedelta) -> None:
    """The object may also be too old: an API server may have heard of the policy a little later."""
    found = judged(referring(FOREIGN), NOW + after, UncheckedPolicy.TRUST)
    assert found.problem == ""
    assert found.warning == (
        "it was not checked whether its author may read ConfigMap openshift-adp/oadp, Secret "
        "default/pull: it is older than the admission policy ibgu-payload-references"
    )


@pytest.mark.parametrize("rule", [UncheckedPolicy.NAMESPACE, UncheckedPolicy.AUTO])
def test_an_ibgu_older_than_the_policy_is_confined_to_its_namespace(rule: UncheckedPolicy) -> None:
    found = judged(referring(OWN, FOREIGN), NOW, rule)
    assert found.problem.startswith(
        "spec.ibuSpec refers to ConfigMap openshift-adp/oadp outside of namespace default, and "
        "it was not checked whether its author may read that: it is older than the admission policy"
    )
    assert (
        "wait until no cluster is in flight; then delete it, which cancels its waiting clusters, "
        "and create it again: then it is checked. Or set" in found.problem
    )
    assert "IBGU_PAYLOAD_REFERENCES=trust" in found.problem
    assert found.warning  # of the step under way, which goes on
    own = judged(referring(OWN), NOW, UncheckedPolicy.NAMESPACE)
    assert (own.problem, bool(own.warning)) == ("", True)


def test_without_a_policy_nobody_may() -> None:
    found = judged(referring(*[FOREIGN] * 5), None, UncheckedPolicy.NAMESPACE)
    assert "openshift-adp/oadp and 2 more outside of namespace default" in found.problem
    assert "ibgu-payload-references is not on the hub, or ibgu may not read it" in found.problem
    assert "Install the chart with payloadPolicy, then delete" in found.problem
    assert "or create it with ConfigMaps of namespace default. Or set" in found.problem
    assert judged(referring(OWN), None, UncheckedPolicy.NAMESPACE) == ReferenceVerdict()
