"""Watches what people grant rollouts: RolloutApprovals and BreakGlasses (R50.13, R50.14)."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Unpack

from msgspec import Struct

from ibgu.controller.lookups.watching import WatchingLookup, WatchOptions
from ibgu.core.model import Rollout
from ibgu.core.model.grants import BreakGlass, GrantedRollout, Grants, RolloutApproval
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.plan.grants import POLICY, grants_of
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.policy import enforced_since
from ibgu.hub.port import Hub
from ibgu.hub.watching.store import Store

INTERVAL = 30.0
"""Seconds between two looks at the admission policy while no grant changes."""
RETRY = 1.0
"""Seconds between two attempts to read it."""
PAUSE = 0.1
"""Seconds between two looks at least, however often people write grants."""
UNREAD = "ibgu has not read the RolloutApprovals yet"
UNSERVED = (
    "the hub does not serve RolloutApprovals: install charts/ibgu/crds/rolloutapprovals.yaml and "
    "breakglasses.yaml"
)
FORBIDDEN = (
    "ibgu may not list RolloutApprovals and BreakGlasses: give the controller the ClusterRole "
    "ibgu-controller of this version"
)
UNPROVEN = (
    f"nothing proves who approves, because the ValidatingAdmissionPolicy {POLICY} is not in force: "
    "upgrade the chart with grantPolicy, on Kubernetes 1.30 (OpenShift 4.17) or newer"
)
FORBIDDEN_POLICY = (
    f"ibgu may not get the ValidatingAdmissionPolicy {POLICY}, which proves who approves: give the "
    "controller the ClusterRole ibgu-controller of this version"
)

RolloutName = tuple[str, str, str]
"""Namespace, kind and name of a rollout's object."""


class _Written(Struct, frozen=True):
    """_Written is what people have written for one rollout."""

    approvals: tuple[RolloutApproval, ...] = ()
    glasses: tuple[BreakGlass, ...] = ()


class _Proven(Struct, frozen=True):
    """_Proven is what was on the hub when the admission policy was read, and not before."""

    written: Mapping[RolloutName, _Written]
    since: datetime | None
    problem: str


class RolloutGrants(WatchingLookup):
    """RolloutGrants follows the grants on the hub from the controller's start. One counts once the
    admission policy was seen in force after it. An interrupted watch keeps what was read last."""

    def __init__(self, client: Hub, *, served: bool, **options: Unpack[WatchOptions]) -> None:
        """`served`: the hub serves both kinds; if it does not, it may later."""
        super().__init__(client, served=served, served_interval=INTERVAL, **options)
        self._changed = asyncio.Event()
        self._updated = asyncio.Event()
        self._forbidden = False
        self._found: _Proven | None = None
        self._approvals: Store[RolloutApproval] = Store({}, self._note)
        self._glasses: Store[BreakGlass] = Store({}, self._note)
        self._follow(paths.rollout_approvals(), RolloutApproval, self._approvals)
        self._follow(paths.break_glasses(), BreakGlass, self._glasses)

    async def report(self, changed: Callable[[set[RolloutName] | None], None]) -> None:
        """Calls `changed` with the rollouts whose grants have changed; None: those of all."""
        reported: _Proven | None = None
        while True:
            await self._updated.wait()
            self._updated.clear()
            before, reported = reported, self._found
            if before is not reported:
                changed(_differing(before, reported))

    def of(self, rollout: Rollout) -> tuple[Grants | None, str, datetime | None]:
        """Returns the grants of the rollout, None: they can't be read; why it is not known who
        wrote them, empty: it is; and since when nobody can name another one as an author. If that
        is not known, the grants only say which are there."""
        found = self._found
        if not self._served:
            return Grants(), UNSERVED, None
        if found is None:
            return None, FORBIDDEN if self._forbidden else UNREAD, None
        key = (rollout.namespace, rollout.kind, rollout.name)
        written = found.written.get(key, _Written())
        grants = grants_of(rollout, written.approvals, written.glasses, found.since)
        return grants, found.problem, found.since

    async def _listed(self) -> None:
        """Looks at the admission policy after each change: it must have been in force when the
        change was made."""
        while True:
            self._changed.clear()
            written = self._written()
            try:
                since, problem = await self._since()
            except HubError as error:
                self._warn("can't read the admission policy", POLICY, error)
                await asyncio.sleep(RETRY)
                continue
            found = _Proven(written, since, problem)
            if found != self._found:
                self._found = found
                self._updated.set()
            self._settled.set()
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._changed.wait()

    async def _since(self) -> tuple[datetime | None, str]:
        """Returns since when the admission policy is in force, None: it is not, and why."""
        try:
            since = await enforced_since(self._client, POLICY)
        except HubError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return None, FORBIDDEN_POLICY
        return since, "" if since is not None else UNPROVEN

    def _written(self) -> dict[RolloutName, _Written]:
        approvals: defaultdict[RolloutName, list[RolloutApproval]] = defaultdict(list)
        glasses: defaultdict[RolloutName, list[BreakGlass]] = defaultdict(list)
        for approval in self._approvals:
            approvals[_rollout(approval.metadata, approval.spec.rollout)].append(approval)
        for glass in self._glasses:
            glasses[_rollout(glass.metadata, glass.spec.rollout)].append(glass)
        return {
            name: _Written(tuple(approvals.get(name, ())), tuple(glasses.get(name, ())))
            for name in approvals.keys() | glasses.keys()
        }

    def _note(self, key: object, old: object, new: object) -> None:
        self._changed.set()

    def _failed(self, error: HubError) -> None:
        self._forbidden = error.status == HTTPStatus.FORBIDDEN


def _rollout(meta: ObjectMeta, named: GrantedRollout) -> RolloutName:
    return (meta.namespace, named.kind, named.name)


def _differing(before: _Proven | None, after: _Proven | None) -> set[RolloutName] | None:
    """Returns the rollouts whose grants differ; None: it may be those of all."""
    if before is None or after is None:
        return None
    if (before.since, before.problem) != (after.since, after.problem):
        return None
    names = before.written.keys() | after.written.keys()
    return {name for name in names if before.written.get(name) != after.written.get(name)}
