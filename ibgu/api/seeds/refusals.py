"""Answers what the hub refuses a caller who asks for seed images."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import structlog

from ibgu.api.problems import RETRY_SECONDS, unauthenticated, unavailable
from ibgu.api.requests.access import forbidden
from ibgu.hub.authorization.access import AccessReview, User
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.api")


@contextmanager
def refused(user: User, question: AccessReview) -> Iterator[None]:
    """Raises what the hub refuses as a problem."""
    try:
        yield
    except HubError as error:
        match error.status:
            case HTTPStatus.UNAUTHORIZED:
                words = "the hub does not accept this token"
                raise unauthenticated(words, error="invalid_token") from error
            case HTTPStatus.FORBIDDEN:
                raise forbidden(user, question) from error
        log.warning("seed images not read", user=user.username, error=str(error))
        words = f"the hub did not return the seed images: {error.message}; try again"
        seconds = error.retry_after or RETRY_SECONDS
        raise unavailable("hub-unavailable", words, seconds=seconds) from error
