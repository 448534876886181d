"""Redacts what must not leave the hub, by its place, by its name and by its looks.

Every text is cut first, and no pattern looks at a character more than a bounded number of times:
what a cluster says can't hold anybody up (decision 41).
"""

from ibgu.cli.collect.redact.objects import Redactor
from ibgu.cli.collect.redact.texts import MAX_LENGTH, REMOVED, scrubbed

__all__ = ["MAX_LENGTH", "REMOVED", "Redactor", "scrubbed"]
