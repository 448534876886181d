"""Tells a person what takes so long: a live line on a terminal, a line every few seconds else."""

import sys
import threading
import time
from typing import Self, TextIO

_PLAIN_INTERVAL = 5.0  # seconds between lines in a log
_LIVE_INTERVAL = 0.5


class TaskProgress:
    """One task that takes minutes. `detail` may be set at any time, from any thread."""

    def __init__(self, task: str, stream: TextIO | None = None) -> None:
        self.detail = ""
        self._task = task
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._started = time.monotonic()
        self._finished = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._show()
        self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._finished.set()
        self._ticker.join()
        self.detail = "done" if kind is None else "failed"
        self._show(last=True)

    def _tick(self) -> None:
        interval = _LIVE_INTERVAL if self._live else _PLAIN_INTERVAL
        while not self._finished.wait(interval):
            self._show()

    def _show(self, *, last: bool = False) -> None:
        line = f"{self._task} [{elapsed(time.monotonic() - self._started)}] {self.detail}".rstrip()
        if self._live:
            self._stream.write(f"\r\x1b[2K{line[:110]}" + ("\n" if last else ""))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def elapsed(seconds: float) -> str:
    """Minutes and seconds: 83 s is "1:23"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
