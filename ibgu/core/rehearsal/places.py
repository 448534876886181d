"""The places that limits of policies have (R50.3), and the members of a step that wait for one."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

from ibgu.core.engine.state.occupancy import fewest_in_the_way
from ibgu.core.rehearsal.rules import PolicyPlaces


class StepPlaces:
    """StepPlaces counts who has the places of policies. No place has more members than it has room
    for."""

    def __init__(self, rules: PolicyPlaces) -> None:
        self._of, self._room = rules.of, rules.room
        self._taken = [0] * len(rules.room)
        self._parked: list[list[int]] = [[] for _ in rules.room]
        """Members that wait for room at a place, in R4's order."""
        self._parked_at: dict[int, int] = {}
        """The place that each of them waits for."""
        self._freed: set[int] = set()
        """Places that may have room for one of them."""
        self._left: set[int] = set()
        """Places that were offered to as many as have room there, of which none has begun yet. The
        engine offers them to the next ones with whatever else begins or ends."""

    @property
    def exist(self) -> bool:
        """Returns whether there are places at all."""
        return bool(self._taken)

    @property
    def awaited(self) -> bool:
        """Returns whether members wait for room at a place."""
        return bool(self._parked_at)

    @property
    def any_freed(self) -> bool:
        return bool(self._freed)

    def awaits_any(self, may_start: Callable[[int], bool]) -> bool:
        """Returns whether members wait for room at a place that could start there now."""
        return any(map(may_start, self._parked_at))

    def occupy(self, cluster: int) -> None:
        for place in self._of[cluster]:
            self._taken[place] += 1
        self._offer_again()

    def _offer_again(self) -> None:
        if self._left:
            self._freed |= self._left
            self._left = set()

    def vacate(self, cluster: int) -> None:
        self._offer_again()
        for place in self._of[cluster]:
            self._taken[place] -= 1
            self._freed.add(place)

    def pass_on(self, cluster: int) -> None:
        """Offers the places that the member leaves free to the next that wait for them."""
        self._freed.update(self._of[cluster])

    def full(self, cluster: int) -> int | None:
        """Returns the first of the cluster's places without room; None: there is none."""
        for place in self._of[cluster]:
            if self._taken[place] >= self._room[place]:
                return place
        return None

    def take(self, cluster: int, taken: Counter[int]) -> bool:
        """Notes the cluster's places among those that others will have taken; returns whether all
        of them have room then."""
        places = self._of[cluster]
        if any(self._taken[each] + taken[each] >= self._room[each] for each in places):
            return False
        taken.update(places)
        return True

    def park(self, cluster: int, place: int) -> None:
        heappush(self._parked[place], cluster)
        self._parked_at[cluster] = place

    def unpark(self, cluster: int) -> bool:
        """Takes the member out if its place has room again; returns whether it has."""
        place = self._parked_at.get(cluster)
        if place is None or self._taken[place] >= self._room[place]:
            return False
        del self._parked_at[cluster]
        return True

    def take_freed(self) -> list[int]:
        """Takes as many waiting members as places have become free, in R4's order."""
        freed, self._freed = self._freed, set()
        found: list[int] = []
        for place in freed:
            room = self._room[place] - self._taken[place]
            while room > 0 and (cluster := self._first_parked(place)) is not None:
                room -= 1
                del self._parked_at[cluster]
                found.append(cluster)
                self._left.add(place)
        return found

    def in_the_way(self, late: Iterable[int], may_start: Callable[[int], bool]) -> list[int]:
        """Returns those of the late members, with the earliest limits first, that have to leave
        their places so that others can start there (R11.3)."""
        ending, left, offered = list[int](), list(late), Counter[int]()
        for cluster in sorted(set(self._waiting_for(left))):
            places = self._of[cluster]
            rooms = {each: self._room[each] - self._taken[each] + offered[each] for each in places}
            full = {each for each, room in rooms.items() if room <= 0}
            found = fewest_in_the_way(full, left, self._of.__getitem__)
            if found is None or min(rooms.values()) < 0 or not may_start(cluster):
                continue
            for member in found:
                left.remove(member)
                offered.update(self._of[member])
            offered.subtract(places)
            ending += found
        return ending

    def _waiting_for(self, late: Iterable[int]) -> Iterator[int]:
        """Yields the members that wait for places of the late ones."""
        for place in {place for member in late for place in self._of[member]}:
            yield from (each for each in self._parked[place] if self._parked_at.get(each) == place)

    def _first_parked(self, place: int) -> int | None:
        """Takes the first member that waits for room at the place; None: none does."""
        parked = self._parked[place]
        while parked:
            cluster = heappop(parked)
            if self._parked_at.get(cluster) == place:
                return cluster
        return None
