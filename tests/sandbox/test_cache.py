"""The cache: each thing is made once, whole or not at all."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ibgu.sandbox.cache import cache_folder, made_once
from ibgu.sandbox.errors import SandboxError

MAKER = """
    import os, sys, time
    from pathlib import Path
    from ibgu.sandbox.cache import made_once

    ready = Path(sys.argv[1]).parent / "ready"
    ready.mkdir(exist_ok=True)
    (ready / str(os.getpid())).touch()

    def make(folder):
        with open(sys.argv[1], "a") as log:
            log.write("made\\n")
        (folder / "half").touch()
        while len(list(ready.iterdir())) < 3:
            time.sleep(0.01)
        time.sleep(1)
        (folder / "whole").touch()

    print(sorted(path.name for path in made_once("thing", make).iterdir()))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ibgu"


def test_three_processes_make_it_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", textwrap.dedent(MAKER), str(log)]
    makers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ends = [maker.communicate() for maker in makers]
    assert [out for out, _ in ends] == ["['half', 'whole']\n"] * 3
    assert log.read_text() == "made\n"
    waited = [error for _, error in ends if "Waiting for another process" in error]
    assert len(waited) == 2


def test_a_failure_leaves_nothing_and_is_tried_again(own_cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        made_once("thing", fail)
    assert [path.name for path in own_cache.iterdir()] == ["thing.lock"]
    assert made_once("thing", lambda folder: (folder / "whole").touch()) == own_cache / "thing"
    assert made_once("thing", fail) == own_cache / "thing"


def test_leftovers_of_a_killed_process_are_removed(own_cache: Path) -> None:
    (own_cache / "thing.abc").mkdir(parents=True)
    (own_cache / "thing.abc" / "half").touch()
    made_once("thing", lambda folder: (folder / "whole").touch())
    assert {path.name for path in own_cache.iterdir()} == {"thing", "thing.lock"}


def days_ago(folder: Path, days: int) -> None:
    then = time.time() - days * 24 * 60 * 60
    os.utime(folder, (then, then))


def test_unused_old_entries_are_removed_when_a_new_one_is_made(own_cache: Path) -> None:
    for name, days in {"hub-old": 91, "hub-young": 89, "hub-used": 91, "crds-old": 91}.items():
        made_once(name, lambda folder: (folder / "whole").touch())
        days_ago(own_cache / name, days)
    made_once("hub-used", lambda folder: None)
    made_once("hub-new", lambda folder: (folder / "whole").touch())
    folders = {path.name for path in own_cache.iterdir() if path.is_dir()}
    assert folders == {"hub-young", "hub-used", "hub-new", "crds-old"}


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SandboxError, match=r"can't use the cache folder .* set XDG_CACHE_HOME"):
        made_once("thing", lambda _: None)


def test_the_cache_is_in_the_home_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/ibgu")
