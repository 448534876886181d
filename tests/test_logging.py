"""The log: in which form it is written, and from which level on."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from ibgu.settings import SettingsError, read_settings
from ibgu.telemetry import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def written(monkeypatch: pytest.MonkeyPatch, form: str, where: io.StringIO) -> str:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", where)
    configure_logging("warning", form)
    log = structlog.get_logger()
    log.info("goes on")
    log.warning("write failed", rollout="default/ran-417", cluster="site-0412")
    return where.getvalue()


@pytest.mark.parametrize(("form", "where"), [("json", Terminal()), ("auto", io.StringIO())])
def test_logs_are_written_as_json_off_a_terminal(
    monkeypatch: pytest.MonkeyPatch, form: str, where: io.StringIO
) -> None:
    found = json.loads(written(monkeypatch, form, where))
    assert (found["level"], found["event"]) == ("warning", "write failed")
    assert (found["rollout"], found["cluster"]) == ("default/ran-417", "site-0412")


@pytest.mark.parametrize(("form", "where"), [("text", io.StringIO()), ("auto", Terminal())])
def test_logs_are_written_as_text_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, form: str, where: io.StringIO
) -> None:
    found = written(monkeypatch, form, where)
    assert "write failed" in found
    assert "goes on" not in found
    assert not found.startswith("{")
    assert ("\x1b[" in found) == where.isatty()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_message_of_a_cluster_is_one_value_of_one_line(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    hostile = "x\n2026-11-23 [info] all is well\x1b[2J\u202e"
    where = io.StringIO()
    monkeypatch.setattr(sys, "stderr", where)
    configure_logging("warning", form)
    try:
        raise ValueError(hostile)
    except ValueError:
        structlog.get_logger().warning(hostile, message=hostile, words=[hostile])
        structlog.get_logger().exception(hostile)
    found = where.getvalue()
    assert not {"\x1b", "\u202e"} & set(found)
    first, second, *_ = found.splitlines()
    assert "all is well" in first
    assert "all is well" in second


def test_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBGU_LOG_FORMAT", "xml")
    with pytest.raises(SettingsError, match=r"^IBGU_LOG_FORMAT: .*json, text, or auto"):
        read_settings()
