"""Asks the hub, with the caller's rights, what only it can say of an IBGU before it is applied."""

from msgspec import Struct

from ibgu.core.drivers.ibu.references import MOST_CONFIG_MAPS, POLICY, Reference, references
from ibgu.core.drivers.ibu.works import PULL_SECRETS, no_pull_secret
from ibgu.core.model.kinds import IbguSpec, JsonObject
from ibgu.hub import paths
from ibgu.hub.decode import Bare
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub


class _Typed(Struct, frozen=True):
    """_Typed is a Secret without its content."""

    type: str = ""


class Preflight:
    """Preflight only reads. Methods raise HubError if the hub gives no answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.problems: list[str] = []
        self.warnings: list[str] = []

    async def admission(self, manifest: JsonObject, namespace: str) -> None:
        """Asks what the API server would respond, schema and validation rules included."""
        try:
            await self._hub.request(
                "POST", paths.ibgus(namespace), body=manifest, query={"dryRun": "All"}
            )
        except HubError as error:
            if error.status in (400, 422):
                self.problems.append(error.message)
            elif error.status in (403, 404, 409):
                self.warnings.append(f"it could not be created like this: {error.message}")
            else:
                raise

    async def payload(self, spec: IbguSpec, namespace: str) -> None:
        """Checks that the ConfigMaps and the pull secret exist that Prep brings to the clusters,
        and that the latter is a pull secret."""
        for ref in self._looked_for(references(spec.ibu_spec, namespace)):
            try:
                await self._source(ref)
            except paths.NotAName as error:
                self.problems.append(f"{ref} can't exist: {error}")
                continue
            except HubError as error:
                if error.not_found:
                    words = "is not on the hub: bring it to the clusters another way, or create it"
                elif error.status == 403:
                    words = "was not looked for: you may not read it"
                else:
                    raise
                self.warnings.append(f"{ref} {words}")

    def _looked_for(self, named: list[Reference]) -> list[Reference]:
        """Returns each reference once, and only as many as the policy lets through."""
        found = list(dict.fromkeys(named))
        left_out = [ref for ref in found if ref.kind == "ConfigMap"][MOST_CONFIG_MAPS:]
        if left_out:
            words = f"it names {len(left_out)} ConfigMaps more than the {MOST_CONFIG_MAPS} that"
            self.warnings.append(f"{words} the admission policy {POLICY} allows: not looked for")
        ignored = frozenset(left_out)
        return [ref for ref in found if ref not in ignored]

    async def _source(self, ref: Reference) -> None:
        """Checks one source. Raises HubError, NotAName."""
        if ref.kind != "Secret":
            await self._hub.get(paths.config_map(ref.namespace, ref.name), Bare)
            return
        found = await self._hub.get(paths.secret(ref.namespace, ref.name), _Typed)
        if found.type not in PULL_SECRETS:
            words = no_pull_secret(f"{ref.namespace}/{ref.name}", found.type)
            self.problems.append(f"{words}. Name a pull secret in seedImageRef.pullSecretRef")
