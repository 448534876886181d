"""Progress: lines in a log, one living line on a terminal."""

import io
import os
import re
import time

import pytest

from ibgu.sandbox import progress
from ibgu.sandbox.progress import TaskProgress, elapsed


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (83.9, "1:23"), (3600, "60:00")])
def test_elapsed_time_is_shown_in_minutes_and_seconds(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def test_plain_lines_say_what_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PLAIN_INTERVAL", 0.01)
    stream = io.StringIO()
    with TaskProgress("etcd", stream) as shown:
        shown.detail = "7 packages compiled"
        while "7 packages" not in stream.getvalue():
            time.sleep(0.005)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "etcd [0:00]"
    assert re.fullmatch(r"etcd \[\d:\d\d\] done", lines[-1])
    assert any(re.fullmatch(r"etcd \[\d:\d\d\] 7 packages compiled", line) for line in lines)


def test_a_failure_is_said() -> None:
    stream = io.StringIO()
    with pytest.raises(LookupError), TaskProgress("etcd", stream):
        raise LookupError
    assert stream.getvalue().splitlines()[-1] == "etcd [0:00] failed"


def test_a_terminal_gets_one_line() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal, TaskProgress("etcd", terminal):
        pass
    with os.fdopen(ours, "rb", buffering=0) as screen:
        shown = b""
        while b"\n" not in shown:
            shown += screen.read(200)
    assert shown.startswith(b"\r\x1b[2Ketcd [0:00]")
    assert shown.endswith(b"\r\x1b[2Ketcd [0:00] done\r\n")
