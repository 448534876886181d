import pytest

from ibgu.sim.spec import FleetSpec, parse_feedback


def test_names_come_first() -> None:
    spec = FleetSpec.parse(count=4, names=["spoke1", "spoke4"], pattern="site-%02d")
    assert spec.clusters() == ["spoke1", "spoke4", "site-01", "site-02"]


def test_more_names_than_count() -> None:
    assert FleetSpec.parse(count=1, names=["a", "b"]).clusters() == ["a", "b"]


def test_an_explicit_name_is_not_made_twice() -> None:
    spec = FleetSpec.parse(count=3, names=["site-0001"])
    assert spec.clusters() == ["site-0001", "site-0002", "site-0003"]


def test_agents_that_poll() -> None:
    agent = parse_feedback("poll:10s")
    assert (agent.watches, agent.poll) == (False, (10.0, 19.0))
    assert parse_feedback("poll").poll[0] == 60.0
    assert parse_feedback("watch").watches


def test_scaled_times_have_a_floor() -> None:
    timing = FleetSpec.parse(scale=0.001, feedback="poll").timing()
    assert timing.reapply[0] >= 2.0
    assert not timing.watches
    assert FleetSpec.parse(scale=0.5).timing().poll == (30.0, 57.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"pattern": "site"}, "needs one number"),
        ({"pattern": "site-%d-%d"}, "needs one number"),
        ({"count": -1}, "at least 0"),
        ({"scale": 0.0}, "above 0"),
        ({"version": "4.16"}, "not a version of the form"),
        ({"labels": ["site"]}, "a label is key=value"),
        ({"faults": ["hangs@nobody"]}, "no cluster 'nobody'"),
        ({"defects": ["disk-full@nobody"]}, "no cluster 'nobody'"),
        ({"feedback": "push"}, "feedback is watch, poll"),
        ({"delivered": ["ConfigMap/x"]}, "delivered is ConfigMap"),
        ({"multi_node": 1.5}, "a share between 0 and 1"),
    ],
)
def test_invalid_fleet_specs_are_refused(words: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FleetSpec.parse(**words)  # type: ignore[arg-type]


def test_clusters_take_updates_only_if_asked_for() -> None:
    assert FleetSpec.parse(faults=["hangs"]).updates is None
    assert FleetSpec.parse(updates=True).updates is not None
    assert FleetSpec.parse(multi_node=0.5).updates is not None
    assert FleetSpec.parse(faults=["ack-required=0.1"]).updates is not None


def test_a_share_of_the_clusters_has_workers_as_has_each_whose_drain_is_blocked() -> None:
    spec = FleetSpec.parse(count=200, multi_node=0.2, faults=["drain-blocked@site-0001"])
    faults = spec.faults_by_cluster()
    given = {name: spec.updates_of(name, faults[name]) for name in spec.clusters()}
    workers = [name for name, updates in given.items() if updates and updates.workers]
    assert all(given.values())
    assert 25 < len(workers) < 55
    assert "site-0001" in workers
