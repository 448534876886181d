"""Implements what the shells' functions call: `ibgu __complete -- WORDS`, and kubectl's own."""

import os
import sys
from collections.abc import Sequence

from ibgu.cli.complete.words import CompletionItem, asked

NO_FILES = ":4"
"""kubectl's last line: do not propose files."""


def complete(words: Sequence[str]) -> None:
    """Prints one candidate per line, and its help after a tab."""
    for each in candidates(words):
        print(f"{each.word}\t{each.help}" if each.help else each.word)


def kubectl_complete() -> None:
    """Completes for kubectl, which calls `kubectl_complete-ibgu WORDS` for `kubectl ibgu WORDS`."""
    complete(sys.argv[1:])
    print(NO_FILES)


def candidates(words: Sequence[str]) -> list[CompletionItem]:
    from ibgu.cli.complete.commands import commands
    from ibgu.cli.complete.lookup import lookup

    found, slot = asked(commands(), words)
    return lookup(slot, dict(os.environ)) if slot else found
