"""Watches the RolloutPolicies of the hub for shadow mode, which brings none into force."""

from typing import Unpack

import structlog

from ibgu.controller.lookups.rollout_policies import PolicyStore
from ibgu.controller.lookups.watching import WatchingLookup, WatchOptions
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.shadow")

UNREAD = "the RolloutPolicies were not read"


class ShadowPolicyWatch(WatchingLookup):
    """ShadowPolicyWatch follows the hub's policies. While they can't be read, no start of TALM's is
    judged by them; nothing of ibgu's own depends on it."""

    def __init__(self, client: Hub, *, served: bool, **options: Unpack[WatchOptions]) -> None:
        """`served`: the hub serves RolloutPolicies; one that does not has none."""
        super().__init__(client, served=served, **options)
        self._unread = UNREAD if served else ""
        self._policies = PolicyStore(self._read)
        self._follow(paths.ROLLOUT_POLICIES, RolloutPolicy, self._policies)

    def state(self) -> PolicyState:
        """Returns the policies as they are on the hub."""
        if self._unread:
            return PolicyState(problem=self._unread)
        return PolicyState(self._policies.in_order(), self._policies.unreadable())

    def _read(self, *, listed: bool) -> None:
        if listed:
            self._unread = ""

    def _failed(self, error: HubError) -> None:
        if error.status == 403 or error.not_found:
            self._unread = UNREAD

    def _bad(self, plural: str, bad: BadObject) -> None:
        log.warning("malformed RolloutPolicy", error=str(bad))
        self._policies.refuse(bad)
