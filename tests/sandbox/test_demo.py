"""The demo itself, by both its commands, to its end."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ibgu.sandbox.servers import free_port
from tests.sandbox.traces import answers, processes_with

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^[\w.\[\]-]+==[^\s;]+(?: ;[^\\\n]*)?", re.M)
OWN = ("IBGU_", "KUBECONFIG", "DATABASE_URL", "PYTHONPATH", "MAKE", "MFLAGS")
"""Variables of who runs the tests that would steer a demo."""


class Demo:
    """One that runs, with a folder for temporary files and a port of its own."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._temporary = Path(tempfile.mkdtemp(prefix="ibgu-demo-"))
        # The Postgres of a demo that root starts is not root's.
        self._temporary.chmod(0o755)
        self._port = free_port()
        self._process = subprocess.Popen(
            [word.replace("ADDRESS", f"127.0.0.1:{self._port}") for word in command],
            cwd=folder,
            env={**environment, "TMPDIR": str(self._temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []

    def until(self, words: str) -> None:
        """Reads on until a line says that, or the demo is over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if words in line:
                return

    def exported(self) -> dict[str, str]:
        """The variables and aliases that the guide gives for another terminal."""
        lines = [line for line in self.said if line.startswith(("  export ", "  alias "))]
        words = [word for line in lines for word in shlex.split(line)[1:]]
        return dict(word.split("=", 1) for word in words)

    def end(self) -> int:
        """Waits for it, and returns its exit code."""
        self.until("no line has this in it")
        return self._process.wait()

    @property
    def left(self) -> list[object]:
        """Returns what is still there of the demo."""
        processes = [*processes_with("TMPDIR", str(self._temporary))]
        return [*processes, *self._temporary.iterdir(), *([self._port] * answers(self._port))]

    def remove(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self.end()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._temporary.rmdir()


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    demos: list[Demo] = []

    def run(*command: str, folder: Path = tmp_path) -> Demo:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
        demos.append(Demo([*command], folder, environment))
        return demos[-1]

    yield run
    for demo in demos:
        demo.remove()


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ibgu` of the wheel and its extra, installed as a user does, of the locked versions."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    pins = folder / "constraints.txt"
    pins.write_text("\n".join(PIN.findall((ROOT / "requirements.lock").read_text())))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    pip = [str(folder / "venv/bin/pip"), "install", *quiet]
    subprocess.run([*pip, "-c", str(pins), f"{wheel}[sandbox]"], cwd=folder, check=True)
    return folder / "venv/bin/ibgu"


def test_the_installed_wheel_plays_it_to_its_end(
    installed: Path, start: Start, tmp_path: Path
) -> None:
    options = ("--clusters", "6", "--speed", "250", "--listen", "ADDRESS", "--exit-when-done")
    demo = start(str(installed), "demo", *options)
    demo.until("curl -H")
    given = demo.exported()
    assert Path(given["ibgu"]) == installed.resolve()
    told = subprocess.run(
        [installed, "get", "rollouts"],
        env={name: given[name] for name in ("IBGU_SERVER", "IBGU_TOKEN")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(r"^demo +(Running|Completed)", told, re.M)
    assert demo.end() == 0, "".join(demo.said)
    assert demo.said[-1] == (
        "Done. Clusters with the new release: 4; failed: 2 (made to fail: 2).\n"
    )
    assert [line for line in demo.said if line.startswith("$ kubectl patch ibgu demo")]
    assert not demo.left
    assert not list(tmp_path.iterdir())


def test_make_fails_if_the_demo_does_not_end_as_meant(start: Start) -> None:
    """A cluster that is taken out of the fleet before its Upgrade can't fail in it."""
    options = "--clusters 3 --speed 1000 --listen ADDRESS --exit-when-done"
    venv = sys.prefix
    # The environment is as it is: no test installs into the one that it runs in.
    demo = start(
        *("make", f"VENV={venv}", f"--assume-old={venv}/.ready", "demo", f"DEMO_ARGS={options}"),
        folder=ROOT,
    )
    demo.until("kubectl patch")
    given = demo.exported()
    subprocess.run(
        [given["kubectl"], "label", "managedcluster", "spoke1", "fleet-"],
        env={**os.environ, "KUBECONFIG": given["KUBECONFIG"]},
        check=True,
        capture_output=True,
    )
    assert demo.end() == 2
    assert "Not as meant: spoke1 did not fail, though made to.\n" in demo.said
    assert demo.said[-1].endswith("demo] Error 1\n")
    assert not demo.left


def test_a_demo_outlives_the_deletion_of_its_rollout(start: Start) -> None:
    options = ("--clusters", "3", "--speed", "250", "--listen", "ADDRESS")
    demo = start(sys.executable, "-m", "ibgu", "demo", *options)
    demo.until("Running ")
    given = demo.exported()
    kubectl = [given["kubectl"], "-n", "default"]
    environment = {**os.environ, "KUBECONFIG": given["KUBECONFIG"]}

    def run(*command: str) -> None:
        subprocess.run([*kubectl, *command], env=environment, check=True, capture_output=True)

    run("delete", "ibgu", "demo")
    demo.until("The ImageBasedGroupUpgrade demo is deleted; the hub stays.")
    run("get", "managedclusters", "spoke1")
