"""Answers what the rollout's state or the hub refuses a caller."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ibgu.api.problems import RETRY_SECONDS, Problem, unauthenticated, unavailable
from ibgu.api.requests.access import forbidden, to_rollouts
from ibgu.core.model import names
from ibgu.core.views.change import ChangeRefused
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview, User
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.api")


@contextmanager
def refusals_as_problems(
    who: str, namespace: str, name: str, *, kind: str = names.IBGU
) -> Iterator[None]:
    """Raises what the state or the hub refuses as a problem."""
    try:
        yield
    except ChangeRefused as refused:
        raise Problem(409, refused.code, str(refused)) from refused
    except HubError as error:
        log.warning("not changed", user=who, rollout=f"{namespace}/{name}", error=str(error))
        raise _problem(error, kind, namespace, name) from error


def _problem(error: HubError, kind: str, namespace: str, name: str) -> Problem:
    match error.status:
        case 401:
            return unauthenticated("the hub does not accept this token", error="invalid_token")
        case 403:
            right = _right(error, kind, namespace, name)
            words = error.message
            if role := _ROLES.get(right["resource"]):
                words += (
                    f"; the ClusterRole {role}, which is part of no other role, gives this right"
                )
            return Problem(403, "forbidden", words, headers=None, **right)
        case 404:
            return Problem(404, "not-found", f"the hub says: {error.message}")
        case 409:
            words = f"{error.message}; nothing was done; reload, then try again"
            return Problem(409, "conflict", words)
        case 400 | 422:
            return Problem(422, "refused", f"the hub rejects the change: {error.message}")
    words = (
        "the hub gave no clear answer, so the change may have been made; check before "
        f"you repeat it: {error.message}"
    )
    return unavailable("hub-unavailable", words, seconds=error.retry_after or RETRY_SECONDS)


@contextmanager
def read_refusals_as_problems(user: User, question: AccessReview) -> Iterator[None]:
    """Raises what the hub refuses a caller who reads as a problem; `question`: the right that the
    caller needs."""
    try:
        yield
    except HubError as error:
        match error.status:
            case 401:
                words = "the hub does not accept this token"
                raise unauthenticated(words, error="invalid_token") from error
            case 403:
                raise forbidden(user, question) from error
        log.warning("not read", user=user.username, resource=question.resource, error=str(error))
        words = f"the hub did not return {question.resource}: {error.message}; try again"
        seconds = error.retry_after or RETRY_SECONDS
        raise unavailable("hub-unavailable", words, seconds=seconds) from error


_ROLES = {"rolloutapprovals": "ibgu-approval-edit", "breakglasses": "ibgu-break-glass-edit"}
"""The chart's roles that no other role includes, by what they are about."""
_VERBS = {"GET": "get", "PATCH": "patch", "POST": "create"}


def _right(error: HubError, kind: str, namespace: str, name: str) -> dict[str, str]:
    if error.path == paths.MANAGED_CLUSTERS:
        return {"verb": "list", "group": paths.CLUSTER_GROUP, "resource": "managedclusters"}
    if error.path == paths.CLUSTER_SETS:
        return {"verb": "list", "group": paths.CLUSTER_GROUP, "resource": "managedclustersets"}
    if error.path.endswith("/managedclustersetbindings"):
        bindings = "managedclustersetbindings"
        found = {"verb": "list", "group": paths.CLUSTER_GROUP, "resource": bindings}
        return found | {"namespace": namespace}
    if (grants := error.path.rpartition("/")[2]) in _ROLES:
        found = {"verb": _VERBS[error.method], "group": paths.OWN_GROUP, "resource": grants}
        return found | {"namespace": namespace}
    asked = to_rollouts(_VERBS[error.method], namespace, name, kind=kind)
    return {
        "verb": asked.verb,
        "group": asked.group,
        "resource": asked.resource,
        "namespace": namespace,
        "name": name,
    }
