"""The row type of the table of known failures."""

import re

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.names import Failure
from ibgu.core.engine.driver import FailureText

ANY_STAGE = frozenset(Stage)


class KnownFailure(FailureText, frozen=True, kw_only=True):
    """A known message of the Lifecycle Agent.

    Patterns are as short as they can be told apart: the text around them varies by version.
    """

    name: Failure
    stages: frozenset[Stage]
    """The stages whose messages are searched."""
    pattern: re.Pattern[str]


def known(
    name: Failure,
    pattern: str,
    means: str,
    remedy: str,
    *stages: Stage,
    rules: tuple[str, ...] = (),
    guide: Guide | None = None,
    transient: bool = False,
) -> KnownFailure:
    """Returns a row; without stages it applies to every stage. `rules`: of preflight, which look
    for its cause; `guide`: None where a person waits, or reads the ImageBasedUpgrade."""
    return KnownFailure(
        name=name,
        stages=frozenset(stages) or ANY_STAGE,
        pattern=re.compile(pattern, re.IGNORECASE),
        means=means,
        remedy=remedy,
        rules=rules,
        guide=guide or "",
        transient=transient,
    )
