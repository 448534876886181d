"""What only the hub can say of an IBGU before it is applied, asked with the caller's rights."""

from ibgu.core.kinds import IbguSpec, JsonObject
from ibgu.core.references import references
from ibgu.hub import paths
from ibgu.hub.decode import Bare
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub


class Preflight:
    """Reads only. Methods raise HubError where the hub gives no answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.problems: list[str] = []
        self.warnings: list[str] = []

    async def admission(self, manifest: JsonObject, namespace: str) -> None:
        """What the API server would say to it, schema and validation rules included."""
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
        """Are the ConfigMaps and the pull secret there that Prep brings to the clusters?"""
        for ref in references(spec.ibu_spec, namespace):
            path = paths.secret if ref.kind == "Secret" else paths.config_map
            try:
                await self._hub.get(path(ref.namespace, ref.name), Bare)
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
