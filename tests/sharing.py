"""The tests that stay together where several processes test: a hub takes seconds to start.

Each process has a hub, and a Postgres, of its own as soon as one of its tests needs it.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SLOWEST = ("simulation", "neighbours", "e2e", "sandbox", "security")
"""Folders whose modules come first, so that nobody is left alone with one of them."""
ALONE = frozenset({"tests/simulation/test_net.py", "tests/simulation/test_seeds.py"})
"""Modules whose tests are processes of their own, some of them minutes long."""
SHARING = frozenset({"api", "charts", "cli", "neighbours", "security", "web"})
"""Folders whose modules share one hub; elsewhere every module stands for itself."""


def _folder(nodeid: str) -> str:
    return nodeid.split("/")[1]


class BySharedHub(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        module, folder = nodeid.partition("::")[0], _folder(nodeid)
        if module in ALONE:
            return nodeid
        return folder if folder in SHARING else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedHub | None:
    return BySharedHub(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(_folder(item.nodeid)))


def _place(folder: str) -> int:
    return SLOWEST.index(folder) if folder in SLOWEST else len(SLOWEST)
