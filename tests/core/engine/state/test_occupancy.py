"""R50.3: which clusters take the places of a policy's limits."""

from msgspec import convert

from ibgu.core.engine.state import Holder
from ibgu.core.engine.state.occupancy import Occupancy, Place, PolicyLimits
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import RolloutPolicySpec

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
        self.left = [(f"uid-{name}", name) for name in left]

    def begin(self) -> "Scene":
        self.occupancy.follow((LIMITS,), self.left)
        return self

    def show(self, name: str, **shown: object) -> None:
        self.clusters[name] = view(name, **shown)  # type: ignore[arg-type]
        self.occupancy.note_cluster(name)

    def release(self, name: str) -> None:
        del self.claims[f"uid-{name}"]
        self.occupancy.note_change(f"uid-{name}")

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


def test_a_cluster_that_is_left_dark_counts_until_the_hub_reaches_it() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    assert scene.taken == (1, 1, 1)
    scene.release("a")
    assert scene.taken == (1, 1, 1)
    scene.show("a")
    assert scene.taken == (0, 0, 0)


def test_clusters_that_were_left_rebooting_count_from_the_beginning_while_dark() -> None:
    scene = Scene(left=("a", "b"))
    scene.clusters["a"] = view("a", reachable=False)
    assert scene.begin().taken == (1, 1, 1)
    scene.show("a")
    assert scene.taken == (0, 0, 0)


def test_other_limits_count_a_cluster_that_is_left_dark_as_well() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.release("a")
    assert scene.begin().taken == (1, 1, 1)
    scene.show("a")
    assert scene.taken == (0, 0, 0)


def test_without_limits_nothing_is_counted() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.release("a")
    scene.occupancy.follow(())
    assert not scene.occupancy.note_cluster("a")


def test_two_clusters_of_one_name_are_counted_apart() -> None:
    scene = Scene("a").begin()
    scene.show("a", reachable=False)
    scene.claims["uid-of-another"] = Holder("uid-r", 0, "a")
    scene.occupancy.note_change("uid-of-another")
    scene.show("a", uid="uid-of-another", reachable=False)
    assert scene.taken[0] == 2
    scene.release("a")
    assert scene.taken[0] == 1


def test_a_cluster_that_is_left_dark_counts_until_the_hub_has_it_no_more() -> None:
    for shown in ({}, {"a": view("a", uid="uid-of-another", reachable=False)}):
        scene = Scene("a").begin()
        scene.show("a", reachable=False)
        scene.release("a")
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


def test_each_rollout_has_its_share_and_the_last_to_take_a_place_is_known() -> None:
    scene = Scene("a").begin()
    lookup = scene.clusters.get
    assert scene.occupancy.share("network", "uid-r", lookup) == (1, 1)
    scene.claims["uid-c"] = Holder("uid-s", 0, "c")
    scene.occupancy.note_change("uid-c")
    assert scene.occupancy.share("network", "uid-s", lookup) == (1, 2)
    scene.show("a")
    assert scene.occupancy.share("network", "uid-r", lookup) == (1, 1)
    scene.release("a")
    assert scene.occupancy.share("network", "uid-r", lookup) == (0, 1)
    scene.occupancy.forget("uid-r")
    assert scene.occupancy.share("network", "uid-r", lookup) == (0, 0)
    assert scene.occupancy.share("network", "uid-s", lookup) == (1, 2)


def test_other_policies_do_not_change_whose_turn_it_is() -> None:
    scene = Scene("a", "b").begin()
    before = scene.occupancy.share("network", "uid-r", scene.clusters.get)
    scene.begin()
    assert scene.occupancy.share("network", "uid-r", scene.clusters.get) == before == (2, 2)
