"""Which process gets which tests: servers take seconds to start, and a wait leaves a core idle.

Each process has a hub, and a Postgres, of its own as soon as one of its tests needs it. Every
second one begins with tests that wait, the others with tests that work, so that no core is idle;
who has nothing left of its own kind helps with the other.
"""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

WAITING = frozenset({"benchmarks", "chaos", "e2e", "sandbox"})
"""Folders whose tests mostly wait: for clusters, for servers, for who comes back."""
FIRST = ("simulation", "web", "security", "api", "e2e", "sandbox", "benchmarks", "chaos")
"""Folders by the length of what can't be divided, so that nobody is left alone with one."""
SHARING = frozenset({"charts", "security", "web"})
"""Folders whose modules share servers of their own; elsewhere every module stands for itself."""
APART = frozenset({"simulation"})
"""Folders whose tests share nothing and take long: each stands for itself."""


def _folder(path: str) -> str:
    return path.split("/")[1]


class BySharedHub(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        folder = _folder(nodeid)
        if folder in APART:
            return nodeid
        if folder in SHARING:
            return f"tests/{folder}"
        return str(PurePosixPath(nodeid.partition("::")[0]))

    def _assign_work_unit(self, node: Any) -> None:
        waits = int(node.gateway.id.removeprefix("gw")) % 2 == 0
        of_its_kind = (unit for unit in self.workqueue if (_folder(unit) in WAITING) == waits)
        if unit := next(of_its_kind, None):
            self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedHub | None:
    return BySharedHub(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(_folder(item.nodeid)))


def _place(folder: str) -> int:
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
