"""Judges whether a killed `ibgu prepare` has left a work that writes."""

from collections.abc import Iterator, Sequence

from ibgu.cli.doctor.facts import LeftOver, Missing
from ibgu.cli.doctor.findings import Finding, warning
from ibgu.core.text.counted import first_names

_CHECK = "preparations"
_SHOWN = 3
"""Works that are named in a line."""


def judge_preparations(found: Sequence[LeftOver] | Missing) -> Iterator[Finding]:
    """Yields one finding for all works, and nothing where there is none. That works can't be listed
    is reported already."""
    if isinstance(found, Missing) or not found:
        return
    named = (f"{each.work} in {each.cluster}" for each in found)
    words = (
        f"a killed ibgu prepare has left works that write to their clusters again and again: "
        f"{first_names(named, _SHOWN)}"
    )
    first = found[0]
    do = (
        "run the same ibgu prepare again, or delete each work, which leaves the objects on its "
        f"cluster: oc delete manifestwork {first.work} -n {first.cluster}"
    )
    yield warning(_CHECK, words, do)
