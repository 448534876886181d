"""What only the hub can say of an IBGU before it is applied, asked with the caller's rights."""

from collections.abc import Callable, Iterator

from ibgu.core.kinds import IbguSpec, JsonObject
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
        for what, path, *named in _sources(spec, namespace):
            try:
                await self._hub.get(path(*named), Bare)
            except paths.NotAName as error:
                self.problems.append(f"{what} can't exist: {error}")
                continue
            except HubError as error:
                if error.not_found:
                    words = "is not on the hub: bring it to the clusters another way, or create it"
                elif error.status == 403:
                    words = "was not looked for: you may not read it"
                else:
                    raise
                self.warnings.append(f"{what} {words}")


def _sources(
    spec: IbguSpec, namespace: str
) -> Iterator[tuple[str, Callable[[str, str], str], str, str]]:
    """What it is, and where: the path, of a namespace and a name."""
    ibu = spec.ibu_spec
    for ref in (*ibu.oadp_content, *ibu.extra_manifests):
        what = f"ConfigMap {ref.namespace}/{ref.name}"
        yield what, paths.config_map, ref.namespace, ref.name
    secret = ibu.seed_image_ref.pull_secret_ref
    if secret is not None and secret.name:
        what = f"Secret {namespace}/{secret.name}"
        yield what, paths.secret, namespace, secret.name
