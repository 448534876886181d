"""Watches the policy that keeps a live TALM from IBGUs (R20.7)."""

import asyncio
from collections.abc import Callable
from typing import Unpack

import yaml
from msgspec.structs import replace

from ibgu.controller.lookups.watching import WatchingLookup, WatchOptions
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
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.store import Store
from ibgu.resources import shipped


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


class TalmPolicyWatch(WatchingLookup):
    """TalmPolicyWatch runs from the controller's start, so that a new leader has seen for how long
    the policy is unchanged. `changed` is set whenever what it shows may differ."""

    def __init__(
        self,
        client: Hub,
        *,
        served: bool,
        now: Callable[[], float] | None = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        """`served`: the hub serves ValidatingAdmissionPolicies (Kubernetes 1.30 and newer). `now`:
        returns seconds that only grow; None: the event loop's."""
        super().__init__(client, served=served, **options)
        self.changed = asyncio.Event()
        self.installed = InstalledPolicy()
        self._shipped = shipped_policy()
        self._now = now or asyncio.get_running_loop().time
        self._policies: Store[AdmissionObject] = Store({}, self._changed)
        self._bindings: Store[AdmissionObject] = Store({}, self._changed)
        fields = f"metadata.name={POLICY}"
        self._follow(paths.POLICIES, AdmissionObject, self._policies, fields)
        self._follow(paths.POLICY_BINDINGS, AdmissionObject, self._bindings, fields)

    def problem(self, talms: list[LiveTalm]) -> str:
        """Returns why the policy does not keep these TALMs from IBGUs; empty: it does."""
        if not self._served:
            return "this hub serves no ValidatingAdmissionPolicies (Kubernetes 1.30 and newer)"
        if not self._in_sync:
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
        # The message of a hold does not have the error, so that not every attempt is another hold.
        self.changed.set()


def _same(old: AdmissionObject | None, new: AdmissionObject | None) -> bool:
    if old is None or new is None:
        return False
    one, other = (
        (each.metadata.uid, each.metadata.generation, each.metadata.deletion_timestamp, each.spec)
        for each in (old, new)
    )
    return one == other
