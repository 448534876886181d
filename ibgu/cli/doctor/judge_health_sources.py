"""Judges whether ibgu knows the sources of canaries' health that policies name."""

from collections.abc import Iterator, Sequence

from ibgu.cli.doctor.facts import InvalidSources, Missing, UnknownSource
from ibgu.cli.doctor.findings import Finding, error, warning
from ibgu.core.text.counted import first_names
from ibgu.core.text.harmless import one_line

_CHECK = "health sources"
_SHOWN = 3
"""Sources that are named in a line."""


def judge_health_sources(
    found: Sequence[UnknownSource] | InvalidSources | Missing,
) -> Iterator[Finding]:
    """Yields one finding for all sources, and nothing where ibgu knows them. That policies can't be
    listed is reported already."""
    if isinstance(found, InvalidSources):
        yield error(_CHECK, found.why, "correct the file: the controller does not start with it")
        return
    if isinstance(found, Missing) or not found:
        return
    named = (f"{one_line(each.source)} in {each.policy}" for each in found)
    words = (
        "RolloutPolicies ask sources that ibgu does not know, so nothing starts that they hold: "
        f"{first_names(named, _SHOWN)}"
    )
    do = (
        "add them to healthSources.sources of the chart, or name others in the policies; outside "
        "of the controller's pod set IBGU_HEALTH_SOURCES_FILE as there"
    )
    yield warning(_CHECK, words, do)
