"""Which tests stay together where several processes test: a hub takes seconds to start.

Each process has a hub, and a Postgres, of its own as soon as one of its tests needs it.
"""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST = ("e2e", "sandbox", "security", "simulation")
"""Folders whose modules come first, so that nobody is left alone with one of them."""
SHARING = frozenset({"api", "charts", "cli", "security", "web"})
"""Folders whose modules share one hub; elsewhere every module stands for itself."""


def _folder(nodeid: str) -> str:
    return nodeid.split("/")[1]


class BySharedHub(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        module = PurePosixPath(nodeid.partition("::")[0])
        folder = _folder(nodeid)
        return folder if folder in SHARING else str(module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedHub | None:
    return BySharedHub(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _folder(item.nodeid) not in LONGEST)
