"""The benchmarks of API and journal, small: that they run, and measure what has a bound."""

from argparse import ArgumentParser, Namespace
from types import ModuleType

from ibgu.sandbox.hub import SandboxHub
from tests.benchmarks import api_part, journal_part
from tests.benchmarks.journal import cold
from tests.benchmarks.report import own_bounds

API = "--clusters 60 --events 4000 --rate 20 --clients 5 --changes 40 --seconds 1"
JOURNAL = "--clusters 60 --events 4000 --rollouts 6 --asked 5 --turns 5"


def options(part: ModuleType, given: str) -> Namespace:
    parser = ArgumentParser()
    part.arguments(parser)
    return parser.parse_args(given.split())


async def measured(part: ModuleType, given: str, url: str, hub: SandboxHub) -> dict[str, float]:
    found: dict[str, float] = await part.measure(options(part, given), url, hub)
    return found


async def test_the_api_is_measured(empty_url: str, sandbox_hub: SandboxHub) -> None:
    found = await measured(api_part, API, empty_url, sandbox_hub)
    assert set(found) == set(own_bounds("api"))
    assert (found["followers_left_behind"], found["followers_with_gaps"]) == (0, 0)


async def test_the_journal_is_measured(empty_url: str, sandbox_hub: SandboxHub) -> None:
    found = await measured(journal_part, JOURNAL, empty_url, sandbox_hub)
    assert set(found) == set(own_bounds("journal"))
    made = journal_part.history_of(options(journal_part, JOURNAL))
    assert set(await cold.measure(empty_url, made, count=5)) == set(own_bounds("cold"))
