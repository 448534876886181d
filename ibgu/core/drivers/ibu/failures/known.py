"""The row type of the table of known failures."""

import re
from enum import StrEnum

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.names import Failure
from ibgu.core.engine.driver import FailureText

ANY_STAGE = frozenset(Stage)


class Onward(StrEnum):
    """The commands that take a failed cluster further once what made it fail is mended."""

    NONE = ""
    RETRY = "Then run `ibgu retry NAME --abort-first`."
    ROLL_BACK = (
        "Roll the cluster back with `ibgu rollback NAME --failed --finalize`, then upgrade it by a "
        "new rollout."
    )


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
    fix: str,
    *stages: Stage,
    onward: Onward = Onward.NONE,
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
        fix=fix,
        onward=onward,
        rules=rules,
        guide=guide or "",
        transient=transient,
    )
