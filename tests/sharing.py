"""The tests that stay together where several processes test: a hub takes seconds to start.

Each process has a hub, and a Postgres, of its own as soon as one of its tests needs it.
"""

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest
from xdist.scheduler import LoadScopeScheduling

FIRST = ("neighbours", "e2e", "sandbox", "security")
"""Folders whose modules come first, so that nobody is left alone with one of them."""
BESIDE = "simulation"
"""The folder whose tests need nothing but a core. They are spread among those of e2e, most of which
wait for a hub."""
TOGETHER = frozenset({"e2e", BESIDE})
"""Folders that a process stays in until nothing is left of them: it ends its hub of e2e with a test
of another folder, and would start one again for the next."""
ALONE = frozenset(
    {
        "tests/simulation/test_net.py::test_every_broken_variant_is_caught",
        "tests/simulation/test_seeds.py::test_no_seed_breaks_anything",
        "tests/simulation/test_updates.py::test_updates_survive_everything",
    }
)
"""Tests whose cases are processes of their own, some of them minutes long."""
SHARING = frozenset({"api", "charts", "cli", "neighbours", "security", "web"})
"""Folders whose modules share one hub; elsewhere every module stands for itself."""
HALVED = frozenset({"cli", "web"})
"""Such folders of which two processes take a half each: in one piece they are the last to end."""
APART = frozenset({"tests/neighbours/test_periodic.py"})
"""Modules of such folders that stand for themselves: they wait for minutes."""
_Place = tuple[int, float]


def _folder(nodeid: str) -> str:
    return nodeid.split("/")[1]


def _scope(nodeid: str) -> str:
    """Returns the name of what one process takes as a whole."""
    module, folder = nodeid.partition("::")[0], _folder(nodeid)
    if nodeid.partition("[")[0] in ALONE:
        return nodeid
    if folder not in SHARING or module in APART:
        return module
    return f"{folder} {crc32(module.encode()) % 2}" if folder in HALVED else folder


class BySharedHub(LoadScopeScheduling):  # type: ignore[misc]
    """BySharedHub runs no test again that has ended its process (tests/deadlines.py)."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        """Gives the process the first scope that is left, of its folder if that is one of
        `TOGETHER`."""
        last = next(reversed(self.assigned_work[node]), "")
        if "/" in last and (folder := _folder(last)) in TOGETHER:
            found = (scope for scope in self.workqueue if f"/{folder}/" in scope)
            self.workqueue.move_to_end(next(found, next(iter(self.workqueue))), last=False)
        super()._assign_work_unit(node)

    def remove_node(self, node: Any) -> str | None:
        running = self._running(node)
        for unit in self.assigned_work[node].values():
            if running in unit:
                unit[running] = True
        super().remove_node(node)
        return running

    def _running(self, node: Any) -> str | None:
        """Returns the test that runs in the process; None: none does."""
        units = self.assigned_work[node].values()
        return next((test for unit in units for test, over in unit.items() if not over), None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedHub | None:
    return BySharedHub(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        places = _places(dict.fromkeys(_scope(item.nodeid) for item in items))
        items.sort(key=lambda item: places[_scope(item.nodeid)])


def _places(scopes: Iterable[str]) -> dict[str, _Place]:
    """Returns the place of each scope; those of `BESIDE` are spread evenly."""
    by_folder: dict[str, list[str]] = {}
    for scope in scopes:
        by_folder.setdefault(_folder(scope) if "/" in scope else scope, []).append(scope)
    return {
        scope: (_rank(folder), number / len(found))
        for folder, found in by_folder.items()
        for number, scope in enumerate(found)
    }


def _rank(folder: str) -> int:
    beside = "e2e" if folder == BESIDE else folder
    return FIRST.index(beside) if beside in FIRST else len(FIRST)
