"""Answers every error with problem details, and says what is wrong with an input."""

from ibgu.api.problems.problem import (
    MEDIA_TYPE,
    RETRY_SECONDS,
    Problem,
    invalid,
    invalid_inputs,
    too_many,
    type_of,
    unauthenticated,
    unavailable,
)

__all__ = [
    "MEDIA_TYPE",
    "RETRY_SECONDS",
    "Problem",
    "invalid",
    "invalid_inputs",
    "too_many",
    "type_of",
    "unauthenticated",
    "unavailable",
]
