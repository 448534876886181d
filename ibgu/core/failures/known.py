"""The type of the table's rows."""

import re

from msgspec import Struct

from ibgu.core.failures.names import Failure
from ibgu.core.model import Stage

ANY_STAGE = frozenset(Stage)


class Known(Struct, frozen=True, kw_only=True):
    """A message of the Lifecycle Agent that is understood.

    Patterns are as short as they can be told apart: what stands around them varies by version.
    """

    name: Failure
    stages: frozenset[Stage]
    """Whose messages it is looked for in."""
    pattern: re.Pattern[str]
    means: str
    """One sentence: what happened on the cluster."""
    remedy: str
    """One sentence: what a person does next."""


def known(name: Failure, pattern: str, means: str, remedy: str, *stages: Stage) -> Known:
    """A row; without stages it is one of every stage's."""
    return Known(
        name=name,
        stages=frozenset(stages) or ANY_STAGE,
        pattern=re.compile(pattern, re.IGNORECASE),
        means=means,
        remedy=remedy,
    )
