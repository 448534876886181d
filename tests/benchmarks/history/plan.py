"""The rollouts that a hub has had, and over how many of its clusters each went."""

from datetime import UTC, datetime, timedelta
from random import Random

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action

HUB = "0d0bd8a4-6f0c-4a35-9c39-0c6a3f9d1d10"
ACTIONS = (Action.PREP, Action.UPGRADE)
EVENTS_OF_MEMBER = 11
"""Events of a member in one step, as a real rollout writes them: 10.9 with Prep, 11.3 with
Upgrade."""
SLOTS = 0.1
"""maxConcurrency / clusters."""
FAILS = 33
"""One of so many members fails."""
LIVE, STAY = 3, 20
"""So many of the newest rollouts go on; so many are still on the hub."""
WAVE = timedelta(minutes=25)
NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
NAMESPACES = ("default", "edge", "core", "ran-east", "ran-west")


def fails(each: int) -> bool:
    """Does member `each` of a step fail?"""
    return each % FAILS == FAILS - 1


class Course(Struct, frozen=True):
    """One rollout, [Prep][Upgrade], over clusters that stand beside each other."""

    number: int
    first: int
    """Number of its first cluster."""
    size: int
    began: datetime
    live: bool = False
    """Prep is over; of its Upgrade four tenths are over, and as many run as may."""
    stays: bool = True
    """Whether it is still on the hub once it is over."""

    @property
    def uid(self) -> str:
        return f"{self.number:08d}-6b54-4a5e-9f4e-2f1f7a2f4c11"

    @property
    def name(self) -> str:
        return f"ran-{self.number:04d}"

    @property
    def namespace(self) -> str:
        return NAMESPACES[self.number % len(NAMESPACES)]

    @property
    def slots(self) -> int:
        return max(1, round(self.size * SLOTS))

    def started(self, step: int) -> datetime:
        return self.began + step * WAVE * (self.size // self.slots + 1)

    def run(self, step: int, each: int) -> str:
        """Id of the only run of member `each`."""
        return f"{self.number:06x}{step:02x}{each:012x}"

    def ended(self, step: int) -> int:
        """Returns how many of its members are over."""
        return round(self.size * 0.4) if self.live and step else self.size

    def touched(self, step: int) -> int:
        """Returns how many have been started."""
        return min(self.size, self.ended(step) + self.slots)


class History(Struct, frozen=True):
    clusters: int
    courses: tuple[Course, ...]
    """Oldest first; the last one is live and goes over all clusters."""
    hub: str = HUB
    site: str = "site"
    """What the names of its clusters begin with."""

    def cluster(self, number: int) -> str:
        return f"{self.site}-{number % self.clusters:05d}"

    def cluster_uid(self, number: int) -> str:
        return f"{number % self.clusters:08x}-3fc5-4768-9704-83d0cd0f509b"


def history(events: int, clusters: int, rollouts: int, hub: str = HUB, seed: int = 1) -> History:
    """Sizes are spread as fleets are: many rollouts over a region, a few over everything."""
    random = Random(seed)
    weights = [random.lognormvariate(0.0, 1.0) for _ in range(rollouts - 1)]
    members = max(0, events // EVENTS_OF_MEMBER // len(ACTIONS) - clusters)
    sizes = _sizes(weights, members, clusters)
    courses = [
        Course(
            number=number,
            first=random.randrange(clusters),
            size=size,
            began=_began(number, rollouts),
            live=number >= rollouts - LIVE,
            stays=number >= rollouts - STAY,
        )
        for number, size in enumerate([*sizes, clusters])
    ]
    return History(clusters, tuple(courses), hub)


def _sizes(weights: list[float], members: int, most: int) -> list[int]:
    """Returns sizes by weight, none above `most`: what that takes away goes to the others."""
    share = members / sum(weights)
    while (short := members - sum(min(most, weight * share) for weight in weights)) > len(weights):
        growing = sum(weight for weight in weights if weight * share < most)
        if not growing:
            break
        share += short / growing
    return [min(most, max(1, round(weight * share))) for weight in weights]


def _began(number: int, rollouts: int) -> datetime:
    return NEWEST - (rollouts - number) * timedelta(hours=30)
