"""R50.3: which clusters take the places of a policy's limits."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import convert
from msgspec.structs import replace

from ibgu.core.engine.state import Holder
from ibgu.core.engine.state.occupancy import Occupancy
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import Labels, StartFacts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HUB, GROUP = Place("network"), Place("network", group=1)
SITE = Place("network", "site", "munich")
LIMITS = PolicyLimits(
    "network",
    convert(
        {
            "inFlight": 5,
            "perTopology": [{"label": "site", "maximum": 3}],
            "neverTogether": [{"clusters": ["a", "b"]}],
        },
        RolloutPolicySpec,
    ),
)


def view(name: str, *, uid: str = "", reachable: bool = True) -> ClusterView:
    return ClusterView(
        name=name,
        uid=uid or f"uid-{name}",
        accepted=True,
        deleting=False,
        reachable=reachable,
        local=False,
        labels={"site": "munich"},
    )


class Scene:
    def __init__(self, *claimed: str, left: tuple[str, ...] = ()) -> None:
        self.clusters = {name: view(name) for name in "abc"}
        self.claims = {f"uid-{name}": Holder("uid-r", 0, name) for name in claimed}
        self.occupancy = Occupancy(self.claims)
        for name in left:
            self.note_reboot(name, left=True)

    def begin(self) -> "Scene":
        self.occupancy.follow((LIMITS,))
        return self

    def note_reboot(self, name: str, *, left: bool, at: datetime = NOW) -> None:
        member = Holder("uid-r", 0, name)
        self.occupancy.note_reboot(f"uid-{name}", member, at if left else None)

    def leave(self, name: str) -> None:
        """Releases the cluster in the middle of a reboot."""
        self.release(name)
        self.note_reboot(name, left=True)

    def show(self, name: str, **shown: object) -> None:
        self.clusters[name] = view(name, **shown)  # type: ignore[arg-type]
        self.occupancy.note_cluster(name)

    def release(self, name: str) -> None:
        del self.claims[f"uid-{name}"]
        self.occupancy.note_change(f"uid-{name}")

    def claim(self, name: str, uid: str = "") -> None:
        uid = uid or f"uid-{name}"
        self.claims[uid] = Holder("uid-r", 0, name)
        self.occupancy.note_change(uid)

    def dark(self, place: Place) -> list[str]:
        """Returns the dark clusters that nobody claims at the place, once all are counted."""
        self.occupancy.free(LIMITS, place, self.clusters.get)
        return self.occupancy.dark(place)

    def unrecorded(self) -> Mapping[str, Labels | None]:
        return self.occupancy.unrecorded(self.clusters.get)

    def record(
        self,
        name: str,
        *,
        uid: str = "",
        labels: Labels | None = None,
        beside: Mapping[str, Labels | None] | None = None,
    ) -> Callable[[], None]:
        facts = StartFacts(labels or {}, beside=beside or {})
        return self.occupancy.record(name, uid or f"uid-{name}", facts)

    @property
    def taken(self) -> tuple[int, int, int]:
        """Returns the places that are taken: of the hub, of the site, of the group."""
        free = [self.occupancy.free(LIMITS, each, self.clusters.get) for each in (HUB, SITE, GROUP)]
        return 5 - free[0], 3 - free[1], 1 - free[2]


def test_each_claim_takes_its_places_until_it_is_released() -> None:
    scene = Scene("a", "c").begin()
    assert scene.taken == (2, 2, 1)
    scene.release("a")
    assert scene.taken == (1, 1, 0)


def test_a_claimed_cluster_that_the_hub_does_not_show_counts_by_its_name() -> None:
    scene = Scene("a")
    del scene.clusters["a"]
    assert scene.begin().taken == (1, 0, 1)


def test_a_claimed_cluster_that_the_hub_does_not_show_may_take_no_place() -> None:
    """The labels are not known, and nobody names the cluster as a neighbour."""
    sites = convert({"perTopology": [{"label": "site"}]}, RolloutPolicySpec)
    occupancy = Occupancy({"uid-x": Holder("uid-r", 0, "x")})
    limits = PolicyLimits("sites", sites)
    occupancy.follow((limits,))
    assert occupancy.free(limits, Place("sites", "site", ""), lambda name: None) == 1


def test_a_claimed_cluster_that_goes_keeps_its_places_until_it_is_released() -> None:
    scene = Scene("a").begin()
    assert scene.taken == (1, 1, 1)
    scene.show("a", uid="uid-of-another")
    assert scene.taken == (1, 1, 1)
    scene.release("a")
    assert scene.taken == (0, 0, 0)


def test_a_cluster_that_is_left_rebooting_counts_whenever_it_is_dark() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.leave("a")
    assert scene.taken == (1, 1, 1)
    scene.show("a")
    assert scene.taken == (0, 0, 0)
    scene.show("a", reachable=False)
    assert scene.taken == (1, 1, 1)
    scene.note_reboot("a", left=False)
    assert scene.occupancy.take_freed()
    assert scene.taken == (0, 0, 0)
    assert not scene.occupancy.note_cluster("a")


def test_a_dark_cluster_counts_for_seven_days_after_it_was_left() -> None:
    scene = Scene("a", "b").begin()
    for name in "ab":
        scene.show(name, reachable=False)
        scene.leave(name)
    scene.note_reboot("b", left=True, at=NOW + timedelta(days=2))
    scene.occupancy.take_freed()
    assert not scene.occupancy.drop_outdated(NOW + timedelta(days=7, seconds=-1))
    assert scene.taken == (2, 2, 2)
    assert not scene.occupancy.take_freed()
    assert scene.occupancy.drop_outdated(NOW + timedelta(days=7))
    assert scene.occupancy.take_freed()
    assert scene.taken == (1, 1, 1)
    assert not scene.occupancy.drop_outdated(NOW + timedelta(days=8))
    scene.note_reboot("a", left=True, at=NOW + timedelta(days=8))
    assert scene.taken == (2, 2, 2)
    assert scene.occupancy.drop_outdated(NOW + timedelta(days=9))
    assert scene.taken == (1, 1, 1)


def test_dark_clusters_without_a_claim_are_named_by_their_places() -> None:
    scene = Scene("a", "b", "c").begin()
    for name in "ac":
        scene.show(name, reachable=False)
    assert scene.dark(HUB) == []
    assert scene.occupancy.take_dark(scene.clusters.get) == set()
    scene.leave("c")
    assert scene.occupancy.take_dark(scene.clusters.get) == {HUB, SITE}
    scene.leave("a")
    assert (scene.dark(HUB), scene.dark(SITE), scene.dark(GROUP)) == (["a", "c"], ["a", "c"], ["a"])
    assert scene.occupancy.take_dark(scene.clusters.get) == {HUB, SITE, GROUP}
    scene.show("c", reachable=False)
    assert scene.occupancy.take_dark(scene.clusters.get) == set()
    scene.show("a")
    assert (scene.dark(HUB), scene.dark(GROUP)) == (["c"], [])
    scene.claim("c")
    assert scene.dark(HUB) == []
    assert scene.occupancy.take_dark(scene.clusters.get) == {HUB, SITE, GROUP}


def test_a_dark_cluster_that_does_not_reboot_counts_while_it_is_claimed() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    assert scene.taken == (1, 1, 1)
    scene.release("a")
    assert scene.taken == (0, 0, 0)


def test_clusters_that_were_left_rebooting_count_from_the_beginning_while_dark() -> None:
    scene = Scene(left=("a", "b"))
    scene.clusters["a"] = view("a", reachable=False)
    assert scene.begin().taken == (1, 1, 1)
    scene.show("a")
    assert scene.taken == (0, 0, 0)


def test_other_limits_count_a_cluster_that_is_left_rebooting_as_well() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.leave("a")
    assert scene.begin().taken == (1, 1, 1)
    scene.show("a")
    assert scene.taken == (0, 0, 0)


def test_without_limits_nothing_is_counted() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.leave("a")
    scene.occupancy.follow(())
    assert not scene.occupancy.note_cluster("a")


def test_two_clusters_of_one_name_are_counted_apart() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.claim("a", "uid-of-another")
    scene.show("a", uid="uid-of-another", reachable=False)
    assert scene.taken[0] == 2
    scene.release("a")
    assert scene.taken[0] == 1


def test_a_cluster_that_is_left_rebooting_counts_until_the_hub_has_it_no_more() -> None:
    for shown in ({}, {"a": view("a", uid="uid-of-another", reachable=False)}):
        scene = Scene("a").begin()
        scene.show("a", reachable=False)
        scene.leave("a")
        assert scene.taken == (1, 1, 1)
        del scene.clusters["a"]
        scene.clusters |= shown
        scene.occupancy.note_cluster("a")
        assert scene.occupancy.take_freed()
        assert scene.taken == (0, 0, 0)


def test_a_claim_that_nobody_has_counted_frees_a_place_all_the_same() -> None:
    scene = Scene("a").begin()
    assert scene.occupancy.take_freed()
    scene.release("a")
    assert scene.occupancy.take_freed()


def test_only_a_change_of_a_counted_cluster_may_free_a_place() -> None:
    scene = Scene("a").begin()
    assert scene.occupancy.take_freed()
    assert scene.taken == (1, 1, 1)
    scene.show("c")
    assert not scene.occupancy.take_freed()
    scene.release("a")
    assert scene.occupancy.take_freed()


# -- labels that the history does not have -------------------------------------------------


MUNICH, UNKNOWN = {"site": "munich"}, None


def test_labels_of_claims_are_recorded_once() -> None:
    scene = Scene("a", "b").begin()
    assert scene.unrecorded() == {"a": MUNICH, "b": MUNICH}
    scene.record("c", beside={"a": MUNICH, "b": MUNICH})
    assert scene.unrecorded() == {}
    scene.show("a", reachable=False)
    assert scene.unrecorded() == {}
    scene.clusters["a"] = replace(view("a"), labels={})
    scene.occupancy.note_cluster("a")
    assert scene.unrecorded() == {"a": {"site": None}}
    scene.release("a")
    assert scene.unrecorded() == {}


def test_a_start_records_the_labels_of_its_cluster() -> None:
    scene = Scene().begin()
    undo = scene.record("a", labels=MUNICH)
    scene.claim("a")
    assert scene.unrecorded() == {}
    undo()
    assert scene.unrecorded() == {"a": MUNICH}
    scene.record("a", labels={"region": "south"})
    assert scene.unrecorded() == {"a": MUNICH}
    scene.record("a", labels=MUNICH | {"region": "south"})
    assert scene.unrecorded() == {}
    scene.release("a")
    scene.claim("a")
    assert scene.unrecorded() == {"a": MUNICH}


def test_labels_of_an_undone_start_are_not_recorded() -> None:
    scene = Scene("a").begin()
    undo = scene.record("c", beside=scene.unrecorded())
    assert scene.unrecorded() == {}
    undo()
    assert scene.unrecorded() == {"a": MUNICH}
    again = scene.record("c", beside=scene.unrecorded())
    scene.release("a")
    again()
    assert scene.unrecorded() == {}


def test_a_claimed_cluster_that_the_hub_has_never_shown_has_no_labels() -> None:
    scene = Scene("a")
    shown = scene.clusters.pop("a")
    assert scene.begin().unrecorded() == {"a": UNKNOWN}
    scene.clusters["a"] = shown
    scene.occupancy.note_cluster("a")
    assert scene.unrecorded() == {"a": MUNICH}
    del scene.clusters["a"]
    scene.occupancy.note_cluster("a")
    scene.record("c", beside={"a": MUNICH})
    assert scene.unrecorded() == {}


def test_two_clusters_of_one_name_have_no_labels_that_are_known() -> None:
    scene = Scene("a").begin()
    scene.record("c", beside=scene.unrecorded())
    scene.claim("a", "uid-of-another")
    scene.show("a", uid="uid-of-another")
    assert scene.unrecorded() == {"a": UNKNOWN}
    scene.record("a", uid="uid-of-another", labels=MUNICH)
    assert scene.unrecorded() == {"a": UNKNOWN}
    scene.record("c", beside={"a": UNKNOWN})
    scene.release("a")
    assert scene.unrecorded() == {"a": MUNICH}


def test_only_labels_that_count_are_recorded() -> None:
    scene = Scene("a").begin()
    assert scene.unrecorded() == {"a": MUNICH}
    scene.record("c", beside={"a": {"site": "berlin"}})
    assert scene.unrecorded() == {"a": MUNICH}
    scene.record("c", beside={"a": MUNICH})
    scene.begin()
    assert scene.unrecorded() == {}
    scene.occupancy.follow(())
    scene.begin()
    assert scene.unrecorded() == {"a": MUNICH}


def test_a_cluster_that_goes_right_after_its_start_keeps_its_places() -> None:
    scene = Scene().begin()
    scene.record("a", labels=MUNICH)
    del scene.clusters["a"]
    scene.claim("a")
    assert scene.taken == (1, 1, 1)


def test_limits_that_go_by_no_labels_record_none() -> None:
    occupancy = Occupancy({"uid-a": Holder("uid-r", 0, "a")})
    limits = PolicyLimits("few", convert({"inFlight": 3}, RolloutPolicySpec))
    assert limits.keys == frozenset()
    occupancy.follow((limits,))
    occupancy.record("b", "uid-b", StartFacts(MUNICH))
    assert occupancy.unrecorded({"a": view("a")}.get) == {}
    north = {"clusters": {"selector": {"matchLabels": {"region": "north"}}}}
    apart = {"neverTogether": [{"clusters": ["a", "b"]}]}
    keys = [
        PolicyLimits("north", convert(spec | north, RolloutPolicySpec)).keys
        for spec in ({"inFlight": 3}, apart)
    ]
    assert keys == [{"region"}, frozenset()]
