"""Watches the policy that keeps a live TALM from IBGUs (R20.7)."""

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

import structlog
import yaml
from msgspec.structs import replace

from ibgu.core.talm.beside import (
    POLICY,
    AdmissionObject,
    InstalledPolicy,
    LiveTalm,
    ShippedPolicy,
    enforced_since,
    unenforced,
    unsettled,
)
from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Store
from ibgu.resources import shipped

log = structlog.get_logger("ibgu.controller")


def shipped_policy() -> ShippedPolicy:
    text = (shipped("charts/ibgu") / "files" / "beside-talm.yaml").read_text()
    found = yaml.safe_load(text)
    return ShippedPolicy(found["policy"], found["binding"])


async def installed_policy(client: Hub) -> InstalledPolicy:
    """Reads the policy once; `since` is by the hub's clock. Raises HubError."""
    policy = await _read(client, paths.policy(POLICY))
    found = InstalledPolicy(
        policy=policy, binding=await _read(client, paths.policy_binding(POLICY))
    )
    since = enforced_since(found)
    return replace(found, since=since.timestamp()) if since else found


async def _read(client: Hub, path: str) -> AdmissionObject | None:
    try:
        return await client.get(path, AdmissionObject)
    except HubError as error:
        if error.not_found:
            return None
        raise


class TalmPolicyWatch:
    """TalmPolicyWatch runs from the controller's start, so that a new leader has seen for how long
    the policy is unchanged. `changed` is set whenever what it shows may differ."""

    def __init__(
        self,
        client: Hub,
        *,
        served: bool,
        streaming: bool,
        timing: Timing,
        rng: Random,
        now: Callable[[], float] | None = None,
    ) -> None:
        """`served`: the hub serves ValidatingAdmissionPolicies (Kubernetes 1.30 and newer). `now`:
        returns seconds that only grow; None: the event loop's."""
        self.changed = asyncio.Event()
        self.installed = InstalledPolicy()
        self._shipped = shipped_policy()
        self._now = now or asyncio.get_running_loop().time
        self._log_throttle = LogThrottle(time.monotonic)
        self._policies: Store[AdmissionObject] = Store({}, self._changed)
        self._bindings: Store[AdmissionObject] = Store({}, self._changed)
        watched = ((paths.POLICIES, self._policies), (paths.POLICY_BINDINGS, self._bindings))
        self._reflectors: list[Reflector[Any, Any]] = [
            Reflector(
                client,
                WatchedKind(path, AdmissionObject, whole, fields=f"metadata.name={POLICY}"),
                store,
                streaming=streaming,
                timing=timing,
                on_error=self._failed,
                rng=rng,
            )
            for path, store in (watched if served else ())
        ]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._reflectors:
                tasks.create_task(reflector.run())

    def problem(self, talms: list[LiveTalm]) -> str:
        """Returns why the policy does not keep these TALMs from IBGUs; empty: it does."""
        if not self._reflectors:
            return "this hub serves no ValidatingAdmissionPolicies (Kubernetes 1.30 and newer)"
        if not all(each.in_sync for each in self._reflectors):
            return f"ibgu can't watch the ValidatingAdmissionPolicy {POLICY} or its binding"
        unenforced_by = unenforced(self.installed, self._shipped, talms)
        return unenforced_by or unsettled(self.installed, self._now())

    def _changed(
        self, key: object, old: AdmissionObject | None, new: AdmissionObject | None
    ) -> None:
        """Restarts the time after a change of the spec, even one that was changed back unseen;
        labels and annotations are the chart's to change."""
        policy, binding = (s.get(("", POLICY)) for s in (self._policies, self._bindings))
        since = self.installed.since if _same(old, new) else self._now()
        self.installed = InstalledPolicy(policy=policy, binding=binding, since=since)
        self.changed.set()

    def _failed(self, error: HubError) -> None:
        """Logs the error, rarely if it stays the same; the message of a hold does not have it, so
        that not every attempt is another hold."""
        if self._log_throttle.due(POLICY, str(error)):
            log.warning("watch interrupted", policy=POLICY, error=str(error))
        self.changed.set()


def _same(old: AdmissionObject | None, new: AdmissionObject | None) -> bool:
    if old is None or new is None:
        return False
    one, other = (
        (each.metadata.uid, each.metadata.generation, each.metadata.deletion_timestamp, each.spec)
        for each in (old, new)
    )
    return one == other
