"""The spec that clusters are asked for, and the annotations that go there."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.names import carried
from ibgu.core.drivers.ibu.spec import init_monitor, problem_of_ibu, references
from ibgu.core.model.bounds import MAX_INT32
from ibgu.core.model.kinds import AutoRollback, IbuSpec, NameRef, ObjectRef, Reference, SeedImageRef


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, 1800),
        (AutoRollback(), 1800),
        (AutoRollback(-1), 1800),
        (AutoRollback(600), 600),
        (AutoRollback(2**63 - 1), MAX_INT32),  # more than the calendar has
    ],
)
def test_the_init_monitor_timeout_defaults_to_half_an_hour(
    given: AutoRollback | None, seconds: int
) -> None:
    assert init_monitor(IbuSpec(auto_rollback_on_failure=given)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "wrong"),
    [
        (0, None),
        (2**31 - 1, None),
        (2**31, "should be less than or equal to 2147483647"),
        (-1, "should be greater than or equal to 0"),
    ],
)
def test_the_agents_own_time(seconds: int, wrong: str | None) -> None:
    text = problem_of_ibu(IbuSpec(auto_rollback_on_failure=AutoRollback(seconds)))
    assert (text is None) if wrong is None else (text is not None and wrong in text)
    assert problem_of_ibu(IbuSpec()) is None


def test_annotations_that_go_to_the_clusters() -> None:
    found = carried(
        {
            "lca.openshift.io/target-ocp-version-manifest-count": "3",
            "auto-rollback-on-failure.lca.openshift.io/init-monitor": "Disabled",
            "ibgu.dev/resume": "1",
            "kubectl.kubernetes.io/last-applied-configuration": "lca.openshift.io",
        }
    )
    assert set(found) == {
        "lca.openshift.io/target-ocp-version-manifest-count",
        "auto-rollback-on-failure.lca.openshift.io/init-monitor",
    }


def test_references_are_read_from_the_spec() -> None:
    seed = SeedImageRef(pull_secret_ref=NameRef("pull"))
    foreign, own = ObjectRef("oadp", "openshift-adp"), ObjectRef("own", "default")
    spec = IbuSpec(seed, oadp_content=[foreign], extra_manifests=[own])
    assert references(spec, "default") == [
        Reference("ConfigMap", "openshift-adp", "oadp"),
        Reference("ConfigMap", "default", "own"),
        Reference("Secret", "default", "pull"),
    ]
    assert references(IbuSpec(), "default") == []
    assert references(IbuSpec(SeedImageRef(pull_secret_ref=NameRef(""))), "default") == []
