"""Serves the server's own documents: its version and the schemas that ibgu reads."""

from collections.abc import Iterable

from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.sim.hub.kinds import Resource

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "memory"}


def of(path: str, resources: Iterable[Resource]) -> JsonObject | None:
    """Returns the document; None for a path that is none."""
    if path == paths.VERSION:
        return dict(VERSION)
    if not path.startswith(paths.OPENAPI):
        return None
    custom = [resource for resource in resources if resource.custom]
    if path == paths.OPENAPI:
        return {"paths": {f"apis/{r.api_version}": _entry(r) for r in custom}}
    wanted = path.removeprefix(f"{paths.OPENAPI}/apis/")
    schemas = {r.kind: _schema(r) for r in custom if r.api_version == wanted}
    return {"openapi": "3.0.0", "components": {"schemas": schemas}}


def _entry(resource: Resource) -> JsonObject:
    return {"serverRelativeURL": f"{paths.OPENAPI}/apis/{resource.api_version}?hash=0"}


def _schema(resource: Resource) -> JsonObject:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    known = resource.published_schema or resource.schema or {}
    return {**known, "x-kubernetes-group-version-kind": [kind]}
