"""Ends a process of tests in which one stands still: the run names that test, and goes on.

pytest-timeout limits a test once. It no longer does in the teardown after a failure, and it can't
end what waits for a thread.
"""

import faulthandler
import os
from collections.abc import Generator

import pytest

LIMIT = 1000.0
"""Seconds for the setup of a test, for its call, and for its teardown: far above what any takes."""
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    # Before the tests' output is captured.
    config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    yield from _limited(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    yield from _limited(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    yield from _limited(item)


def _limited(item: pytest.Item) -> Generator[None]:
    faulthandler.dump_traceback_later(LIMIT, exit=True, file=item.config.stash[_STDERR])
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
