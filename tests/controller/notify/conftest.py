"""A journal, a receiver, and the notifier between them."""

from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from ibgu.controller.notify import Notifier, dispatcher, notifying
from ibgu.core.notify import retry
from ibgu.settings import Settings, read_settings
from tests.controller.notify.receiving import Site, site
from tests.db.conftest import db, journal, leading

__all__ = ["db", "journal", "leading"]

Notifying = Callable[..., AbstractAsyncContextManager[Notifier]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "POLL", 0.02)
    monkeypatch.setattr(dispatcher, "RETRY", 0.02)
    monkeypatch.setattr(retry, "FIRST", 0.02)
    monkeypatch.setattr(retry, "MAX_DELAY", 0.02)


@pytest.fixture
async def noc() -> AsyncIterator[Site]:
    async with site() as found:
        yield found


@pytest.fixture
def said() -> Iterator[list[MutableMapping[str, Any]]]:
    """The lines of the log."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def configured(database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings with a file of these receivers."""

    def settings(*receivers: dict[str, Any]) -> Settings:
        path = tmp_path / "notify.yaml"
        path.write_text(yaml.safe_dump({"receivers": list(receivers)}))
        return read_settings(database_url=database_url, notify_file=str(path))

    return settings


@pytest.fixture
def notified(configured: Callable[..., Settings]) -> Notifying:
    @asynccontextmanager
    async def run(*receivers: dict[str, Any], epoch: int = 1) -> AsyncIterator[Notifier]:
        async with notifying(configured(*receivers), "hub-1") as notifier:
            assert notifier is not None
            notifier.lead(epoch)
            yield notifier

    return run
