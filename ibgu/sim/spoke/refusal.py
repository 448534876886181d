"""Defines errors of the managed cluster's API server, in its own words."""

from ibgu.sim.spoke.objects import Key, qualified, resource_of

AGENT_USER = "system:serviceaccount:open-cluster-management-agent:klusterlet-work-sa"


class Refusal(Exception):
    """Refusal is a refused request: `reason` is Kubernetes' status reason; the text is what the
    work agent passes on."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def invalid(key: Key, errors: list[str]) -> Refusal:
    what = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    kind = f"{key.kind}.{key.group}" if key.group else key.kind
    return Refusal("Invalid", f'{kind} "{key.name}" is invalid: {what}')


def unknown_kind(key: Key) -> Refusal:
    return Refusal("UnknownKind", f'the server doesn\'t have a resource type "{key.kind}"')


def namespace_missing(key: Key) -> Refusal:
    return Refusal("NotFound", f'namespaces "{key.namespace}" not found')


def not_found(key: Key) -> Refusal:
    return Refusal("NotFound", f'{qualified(key)} "{key.name}" not found')


def forbidden(key: Key, verb: str) -> Refusal:
    where = f'in the namespace "{key.namespace}"' if key.namespace else "at the cluster scope"
    return Refusal(
        "Forbidden",
        f'{qualified(key)} "{key.name}" is forbidden: User "{AGENT_USER}" cannot {verb} resource '
        f'"{resource_of(key)}" in API group "{key.group}" {where}',
    )


def conflict(manager: str, api_version: str, paths: list[str]) -> Refusal:
    many = "conflict" if len(paths) == 1 else "conflicts"
    listed = ", ".join(paths)
    return Refusal(
        "Conflict",
        f'Apply failed with {len(paths)} {many}: conflicts with "{manager}" using {api_version}: '
        f"{listed}",
    )
