"""Reads what steps carry: ConfigMaps and pull secrets, by name from the hub.

The content stays in memory, never in the journal or a log.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from ibgu.core.drivers import carry_payload
from ibgu.core.engine.driver import Drivers, PayloadError
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.works import Payload, pack
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import ConfigMap, Reference, Secret
from ibgu.core.plan.references import (
    POLICY,
    ReferenceVerdict,
    UncheckedPolicy,
    judge_references,
)
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.namespaces import is_absent
from ibgu.hub.policy import enforced_since
from ibgu.hub.port import Hub

T = TypeVar("T", ConfigMap, Secret)


class Payloads:
    def __init__(
        self,
        drivers: Drivers,
        client: Hub,
        subject: str,
        unchecked: UncheckedPolicy = UncheckedPolicy.AUTO,
        annotations: Callable[[str], Mapping[str, str]] = lambda rollout: {},
    ) -> None:
        """`subject`: the service account that a RoleBinding has to name ("ibgu-system:ibgu").
        `unchecked`: how references are treated whose author was not checked. `annotations` returns
        those that the IBGU of a rollout has now."""
        self._annotations = annotations
        self._drivers = drivers
        self._client = client
        self._subject = subject
        self._unchecked = unchecked
        self._content: dict[str, Payload] = {}
        self._states: dict[str, PayloadState] = {}

    def content(self, rollout: str) -> Payload | None:
        return self._content.get(rollout)

    def state(self, rollout: str) -> PayloadState:
        return self._states.get(rollout, PayloadState(read=False))

    def outdate(self, rollout: str) -> None:
        """Notes that people have approved a step since what it carries was read."""
        known = self._states.get(rollout)
        if known is not None:
            self._states[rollout] = replace(known, outdated=True)

    def forget(self, rollout: str) -> None:
        self._content.pop(rollout, None)
        self._states.pop(rollout, None)

    async def read(self, rollout: Rollout, frozen: str = "") -> PayloadState:
        """Reads all sources again. Raises HubError if the hub gave no answer.

        `frozen`: the digest of what the running step carries. Content with that digest is accepted
        whatever the verdict, since it can't have been replaced.
        """
        missing: list[str] = []
        annotations = self._annotations(rollout.uid)
        driver = self._drivers[rollout.kind]
        named = driver.references(rollout.spec, rollout.namespace)
        try:
            verdict = await self._judged(rollout, named)
            if verdict.problem and not frozen:
                raise PayloadError(verdict.problem)
            content = pack(driver.payload(await self._sources(named, missing)))
            if verdict.problem and content.digest != frozen:
                raise PayloadError(verdict.problem)
        except PayloadError as error:
            state = PayloadState(problem=str(error))
        else:
            self._content[rollout.uid] = content
            state = PayloadState(
                digest=content.digest, warnings=tuple(missing), unchecked=verdict.warning
            )
        state = replace(state, authors=names.step_authors(annotations))
        self._states[rollout.uid] = state
        return state

    def names_new_authors(self, rollout: str) -> bool:
        """Returns whether somebody has been named as the author of a step since it was read."""
        return names.step_authors(self._annotations(rollout)) != self.state(rollout).authors

    async def unchecked(self, rollout: Rollout) -> str:
        """Returns why it is not proven that the rollout's author may read what it brings; empty: it
        is. Raises HubError if the hub gave no answer."""
        named = self._drivers[rollout.kind].references(rollout.spec, rollout.namespace)
        verdict = await self._judged(rollout, named)
        return verdict.problem or verdict.warning

    async def _judged(self, rollout: Rollout, named: Sequence[Reference]) -> ReferenceVerdict:
        if not named:
            return ReferenceVerdict()
        return judge_references(rollout, named, await self._enforced(), self._unchecked)

    async def _enforced(self) -> datetime | None:
        try:
            return await enforced_since(self._client, POLICY)
        except HubError as error:
            if error.status == 403:
                return None
            raise

    async def _sources(
        self, named: Iterable[Reference], missing: list[str]
    ) -> list[ConfigMap | Secret]:
        sources: list[ConfigMap | Secret] = []
        for ref in named:
            found = await (
                self._get(_path(ref, paths.secret), Secret, ref, missing)
                if ref.kind == "Secret"
                else self._get(_path(ref, paths.config_map), ConfigMap, ref, missing)
            )
            if found is not None:
                sources.append(found)
        return sources

    async def _get(self, path: str, type_: type[T], ref: Reference, missing: list[str]) -> T | None:
        try:
            return await self._client.get(path, type_)
        except HubError as error:
            if error.not_found:
                missing.append(f"{ref} is not on the hub: bring it to the clusters another way")
            elif error.status != 403:
                raise
            elif await is_absent(self._client, ref.namespace):
                missing.append(
                    f"{ref} is not on the hub, which has no namespace {ref.namespace}: bring it to "
                    "the clusters another way"
                )
            else:
                raise PayloadError(self._forbidden(ref)) from error
        return None

    def _forbidden(self, ref: Reference) -> str:
        return (
            f"ibgu may not read {ref}; allow it with: oc create rolebinding ibgu-payload-reader "
            f"-n {ref.namespace} --clusterrole=ibgu-payload-reader --serviceaccount={self._subject}"
        )


def _path(ref: Reference, path: Callable[[str, str], str]) -> str:
    try:
        return path(ref.namespace, ref.name)
    except paths.InvalidName as error:
        raise PayloadError(
            f"spec.ibuSpec refers to {ref}, which can't exist: {error}; ibuSpec can't be changed, "
            "so delete this ImageBasedGroupUpgrade and create it with the right names"
        ) from error


def carries(rollout: Rollout, step: int) -> bool:
    """Returns whether that step of the plan carries a payload."""
    return carry_payload(rollout.spec.plan[step].actions)
