"""Builds the API server's refusals: metav1.Status."""

from collections.abc import Iterable

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.errors import PATCH_REJECTED
from ibgu.sim.hub.kinds import Resource, ResourcePath


class RefusedRequest(Exception):
    """RefusedRequest is a refused request; `body` is the Status that goes to the caller."""

    def __init__(
        self, code: int, reason: str, message: str, details: JsonObject | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.body: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({"details": details} if details else {}),
            "code": code,
        }


def details(resource: Resource, name: str) -> JsonObject:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> RefusedRequest:
    words = f'{resource.qualified} "{name}" not found'
    return RefusedRequest(404, "NotFound", words, details(resource, name))


def not_served() -> RefusedRequest:
    return RefusedRequest(404, "NotFound", "the server could not find the requested resource")


def not_allowed() -> RefusedRequest:
    words = "the server does not allow this method on the requested resource"
    return RefusedRequest(405, "MethodNotAllowed", words)


def unfit() -> RefusedRequest:
    return RefusedRequest(422, "Invalid", PATCH_REJECTED)


def already_exists(resource: Resource, name: str, *, leaving: bool) -> RefusedRequest:
    before = "object is being deleted: " if leaving else ""
    words = f'{before}{resource.qualified} "{name}" already exists'
    return RefusedRequest(409, "AlreadyExists", words, details(resource, name))


def conflict(resource: Resource, name: str, why: str) -> RefusedRequest:
    words = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return RefusedRequest(409, "Conflict", words, details(resource, name))


STALE = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def other_uid(target: ResourcePath, asked: str, found: str) -> RefusedRequest:
    resource, name = target.resource, target.name
    words = (
        f'Operation cannot be fulfilled on {resource.kind}.{resource.group} "{name}": the UID in '
        f"the precondition ({asked}) does not match the UID in record ({found}). "
        "The object might have been deleted and then recreated"
    )
    about = {**details(resource, name), "kind": resource.kind}
    return RefusedRequest(409, "Conflict", words, about)


def invalid(resource: Resource, name: str, problems: Iterable[str]) -> RefusedRequest:
    messages = list(problems)
    words = messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    about: JsonObject = {"name": name, "kind": resource.kind}
    if resource.group:
        about["group"] = resource.group
    return RefusedRequest(422, "Invalid", f'{kind} "{name}" is invalid: {words}', about)


def bad_request(message: str) -> RefusedRequest:
    return RefusedRequest(400, "BadRequest", message)


def expired(message: str) -> RefusedRequest:
    return RefusedRequest(410, "Expired", message)


LIST_EXPIRED = "The provided continue parameter is too old to display a consistent list result."


def too_old(asked: int, oldest: int) -> RefusedRequest:
    return expired(f"too old resource version: {asked} ({oldest})")
