"""What steps with Prep carry: ConfigMaps and pull secrets, read from the hub by name.

Content lives in memory only, never in the journal or a log.
"""

from collections.abc import Callable
from typing import TypeVar

from ibgu.core.kinds import ConfigMap, Secret
from ibgu.core.model import Action, Rollout
from ibgu.core.snapshot import PayloadState
from ibgu.core.works import Payload, PayloadError, build
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

T = TypeVar("T", ConfigMap, Secret)


class Payloads:
    def __init__(self, client: Hub, subject: str) -> None:
        """`subject`: whom a RoleBinding has to name ("ibgu-system:ibgu")."""
        self._client = client
        self._subject = subject
        self._content: dict[str, Payload] = {}
        self._states: dict[str, PayloadState] = {}

    def content(self, rollout: str) -> Payload | None:
        return self._content.get(rollout)

    def state(self, rollout: str) -> PayloadState:
        return self._states.get(rollout, PayloadState(read=False))

    def forget(self, rollout: str) -> None:
        self._content.pop(rollout, None)
        self._states.pop(rollout, None)

    async def read(self, rollout: Rollout) -> PayloadState:
        """Read all sources anew. Raises HubError where the hub gave no answer."""
        missing: list[str] = []
        try:
            sources = await self._sources(rollout, missing)
            content = build(sources)
        except PayloadError as error:
            state = PayloadState(problem=str(error))
        else:
            self._content[rollout.uid] = content
            state = PayloadState(digest=content.digest, warnings=tuple(missing))
        self._states[rollout.uid] = state
        return state

    async def _sources(self, rollout: Rollout, missing: list[str]) -> list[ConfigMap | Secret]:
        spec = rollout.spec.ibu_spec
        sources: list[ConfigMap | Secret] = []
        for ref in (*spec.oadp_content, *spec.extra_manifests):
            what = f"ConfigMap {ref.namespace}/{ref.name}"
            path = _path(what, paths.config_map, ref.namespace, ref.name)
            if (found := await self._get(path, ConfigMap, what, missing)) is not None:
                sources.append(found)
        secret = spec.seed_image_ref.pull_secret_ref
        if secret is not None and secret.name:
            what = f"Secret {rollout.namespace}/{secret.name}"
            path = _path(what, paths.secret, rollout.namespace, secret.name)
            if (pull := await self._get(path, Secret, what, missing)) is not None:
                sources.append(pull)
        return sources

    async def _get(self, path: str, type_: type[T], what: str, missing: list[str]) -> T | None:
        try:
            return await self._client.get(path, type_)
        except HubError as error:
            if error.not_found:
                missing.append(f"{what} is not on the hub: bring it to the clusters another way")
                return None
            if error.status == 403:
                raise PayloadError(self._forbidden(what)) from error
            raise

    def _forbidden(self, what: str) -> str:
        namespace = what.split()[1].split("/")[0]
        return (
            f"ibgu may not read {what}; allow it with: oc create rolebinding ibgu-payload-reader "
            f"-n {namespace} --clusterrole=ibgu-payload-reader --serviceaccount={self._subject}"
        )


def _path(what: str, path: Callable[[str, str], str], namespace: str, name: str) -> str:
    try:
        return path(namespace, name)
    except paths.NotAName as error:
        raise PayloadError(
            f"spec.ibuSpec refers to {what}, which can't exist: {error}; ibuSpec can't be changed, "
            "so delete this ImageBasedGroupUpgrade and create it with the right names"
        ) from error


def carries(rollout: Rollout, step: int) -> bool:
    """Whether that step of the plan brings anything to the clusters: only one with Prep does."""
    return Action.PREP in rollout.spec.plan[step].actions
