"""Policies that are proposed for a fleet are right as they are."""

import pytest
import yaml

from ibgu.core.model import ClusterView, names
from ibgu.core.views.policies import findings_of
from ibgu.core.views.policy_proposal import FleetFacts, ProposedPolicy, Wishes, facts_of, proposal
from ibgu.documents import read


def cluster(number: int, clock: str = "", zone: str = "", **labels: str) -> ClusterView:
    """A cluster with labels of `example.com`; `zone` is an annotation."""
    name = f"site-{number}"
    return ClusterView(
        name=name,
        uid=name,
        accepted=True,
        deleting=False,
        reachable=True,
        local=False,
        labels={f"example.com/{key}": value for key, value in labels.items()},
        annotations={names.TIME_ZONE: zone} if zone else {},
        clock=clock,
    )


def specs(found: list[ProposedPolicy]) -> dict[str, dict[str, object]]:
    return {each.name: yaml.safe_load(each.text)["spec"] for each in found}


def text(facts: FleetFacts, wishes: Wishes = Wishes()) -> str:  # noqa: B008
    return "---\n".join(each.text for each in proposal(facts, wishes))


@pytest.mark.parametrize("facts", [FleetFacts(), FleetFacts(0), FleetFacts(3500, 7, "a/site", 9)])
@pytest.mark.parametrize("wishes", [Wishes(), Wishes("ran-", "0 2 * * *", 60, "Europe/Berlin")])
def test_lint_finds_nothing_in_a_proposal(facts: FleetFacts, wishes: Wishes) -> None:
    documents = read(text(facts, wishes))
    assert [each.name for each in documents] == [
        f"{wishes.prefix}{name}" for name in ("hub-wide", "nights", "careful", "no-way-back")
    ]
    assert [found for each in documents for found in findings_of(each)] == []


def test_nothing_is_finalized_without_approval() -> None:
    found = specs(proposal(FleetFacts(), Wishes()))["no-way-back"]
    assert found == {"actions": ["FinalizeUpgrade"], "approval": {"before": "Action"}}


@pytest.mark.parametrize(
    ("clusters", "most", "why"),
    [
        (None, "1%", "A share of the clusters of the hub, and at least one:"),
        (0, 1, "A tenth, and at most 5, of the 0 clusters of the hub:"),
        (30, 3, "A tenth, and at most 5, of the 30 clusters of the hub:"),
        (449, 5, "A tenth, and at most 5, of the 449 clusters of the hub:"),
        (3512, 35, "1 % of the 3512 clusters of the hub:"),
    ],
)
def test_the_limit_in_flight_follows_the_size_of_the_fleet(
    clusters: int | None, most: int | str, why: str
) -> None:
    found = proposal(FleetFacts(clusters), Wishes())
    assert specs(found)["hub-wide"] == {"inFlight": most}
    assert f"  # {why}\n  inFlight: " in found[0].text


def test_a_label_that_says_where_clusters_are_limits_each_place() -> None:
    fleet = [
        cluster(number, region=str(number % 2), site=str(number // 2), name=str(number))
        for number in range(40)
    ]
    facts = facts_of(fleet)
    assert (facts.clusters, facts.topology, facts.places) == (40, "example.com/site", 20)
    found = specs(proposal(facts, Wishes()))["hub-wide"]
    assert found["perTopology"] == [{"label": "example.com/site", "maximum": 1}]
    few = facts_of([cluster(number, ring=str(number % 2)) for number in range(40)])
    assert specs(proposal(few, Wishes()))["hub-wide"]["perTopology"] == [
        {"label": "example.com/ring", "maximum": 2}
    ]


@pytest.mark.parametrize(
    "fleet",
    [
        [],
        [cluster(number, site=str(number)) for number in range(10)],
        [cluster(number, site="one") for number in range(10)],
        [cluster(number, **({"site": str(number % 2)} if number else {})) for number in range(5)],
        [cluster(number, color=str(number % 2)) for number in range(10)],
    ],
    ids=["empty", "all-differ", "all-alike", "too-few", "another-name"],
)
def test_a_label_that_divides_no_fleet_is_not_proposed(fleet: list[ClusterView]) -> None:
    facts = facts_of(fleet)
    assert (facts.topology, facts.places) == ("", 0)
    assert "  #   - label: example.com/site\n" in text(facts)


def test_clusters_without_a_time_zone_are_counted_in_a_warning() -> None:
    fleet = [cluster(1, zone="Europe/Berlin"), cluster(2), cluster(3, zone="Mars/Olympus")]
    facts = facts_of(fleet)
    assert facts.without_zone == 2
    assert "WARNING: 2 of 3 clusters have neither, and would never start." in text(facts)
    assert "WARNING" not in text(facts, Wishes(time_zone="Europe/Berlin"))
    assert "WARNING" not in text(facts_of(fleet[:1]))
    assert "WARNING: a cluster without either never starts." in text(FleetFacts())


def test_a_label_is_a_time_zone_as_well() -> None:
    labelled = cluster(1)
    labelled.labels[names.TIME_ZONE] = "Europe.Berlin"
    assert facts_of([labelled]).without_zone == 0


def test_the_window_is_as_it_was_asked_for() -> None:
    wishes = Wishes(cron="30 2 * * SUN", minutes=90, time_zone="Asia/Tokyo")
    assert specs(proposal(FleetFacts(), wishes))["nights"]["windows"] == [
        {"cron": "30 2 * * SUN", "durationMinutes": 90, "timeZone": "Asia/Tokyo"}
    ]


def test_canaries_are_asked_for_what_the_hub_can_show() -> None:
    assert facts_of([cluster(1, clock="True"), cluster(2)]).clocks is False
    facts = facts_of([cluster(1, clock="True")])
    canaries = specs(proposal(facts, Wishes()))["careful"]["canaries"]
    condition = {"type": "ManagedClusterConditionClockSynced"}
    health = {"conditions": [condition], "clusterOperators": True, "nodes": True}
    assert canaries == {"count": 1, "soakMinutes": 120, "health": health}
    without = specs(proposal(FleetFacts(), Wishes()))["careful"]["canaries"]
    health = {"clusterOperators": True, "nodes": True}
    assert without == {"count": 5, "soakMinutes": 120, "health": health}
