"""The canaries of policies in a rehearsed step: they go first, and must stay well (R50.11)."""

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

_NEXT_TURN = 1e-6
"""Seconds after which the engine looks at those that have waited; who is ready takes a slot that
becomes free before."""


class CanaryRule(Struct, frozen=True):
    """CanaryRule is what a policy says of the canaries of one step; lists are by cluster."""

    policy: int
    about: Sequence[bool]
    """Whether the policy selects the cluster: only such ones wait."""
    chosen: Sequence[bool]
    """Whether the cluster may be a canary."""
    count: int
    """The first so many of them; 0: all."""
    soak: float
    """Seconds."""

    def of(self, members: Sequence[int]) -> frozenset[int]:
        found = (cluster for cluster in members if self.chosen[cluster])
        return frozenset(islice(found, self.count) if self.count else found)


class _Watch:
    """_Watch follows the canaries of one policy."""

    def __init__(self, rule: CanaryRule, members: Sequence[int]) -> None:
        self.rule = rule
        self.names = rule.of(members)
        self.left = len(self.names)
        self.failed = 0
        self.well = not self.names
        """Whether the others may start; also if one has failed, which holds the step."""
        self.parked: list[int] = []


class StepCanaries:
    """StepCanaries are those of all policies in one run of a step."""

    def __init__(self, rules: Sequence[CanaryRule], members: Sequence[int]) -> None:
        self.concern = bool(rules)
        """Whether a policy with canaries holds an action of the step."""
        self._rules = rules
        self.choose(members)

    def choose(self, members: Sequence[int]) -> None:
        """Chooses the canaries among these members, before anybody waits for them."""
        self._watches = [_Watch(rule, members) for rule in self._rules]
        self.all = frozenset().union(*(each.names for each in self._watches))

    def keeping(self, cluster: int) -> int | None:
        """Returns the policy whose canaries the member waits for; None: it waits for none. A canary
        of another policy waits for none, which may wait for it."""
        if cluster in self.all:
            return None
        found = (each for each in self._watches if not each.well and each.rule.about[cluster])
        return next((each.rule.policy for each in found), None)

    def park(self, cluster: int, policy: int) -> None:
        """Has the member wait for the canaries of the policy."""
        next(each for each in self._watches if each.rule.policy == policy).parked.append(cluster)

    def of_policy(self, policy: int) -> frozenset[int]:
        """Returns the canaries of the policy."""
        found = (each for each in self._watches if each.rule.policy == policy)
        return next((each.names for each in found), frozenset())

    def ended(self, cluster: int, now: float, *, success: bool) -> Iterator[tuple[float, int]]:
        """Yields which canaries keep nobody from when on: those with a failed one hold the step
        instead."""
        for number, each in enumerate(self._watches):
            if cluster in each.names:
                each.left -= 1
                each.failed += not success
                if not success:
                    yield now + _NEXT_TURN, number
                elif not each.left and not each.failed:
                    yield now + max(each.rule.soak, _NEXT_TURN), number

    def release(self, number: int) -> list[int]:
        """Returns the members that these canaries keep no longer."""
        found = self._watches[number]
        found.well = True
        parked, found.parked = found.parked, []
        return parked

    def failed(self) -> tuple[int, int] | None:
        """Returns the policy of which a canary has failed, and how many have; None: none has."""
        found = (each for each in self._watches if each.failed)
        return next(((each.rule.policy, each.failed) for each in found), None)

    def forget(self) -> None:
        """Has failures so far count no longer."""
        for each in self._watches:
            each.failed = 0

    def awaited(self, keeping: frozenset[int]) -> Iterator[int]:
        """Yields the canaries that others wait for; `keeping`: the policies that keep members."""
        for each in self._watches:
            if each.rule.policy in keeping:
                yield from each.names
