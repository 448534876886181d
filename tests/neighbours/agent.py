"""The process of a real work agent."""

import os
import signal
import tempfile
from pathlib import Path

from ibgu.sandbox.keeper import Keeper
from ibgu.sandbox.servers import free_port
from tests.neighbours import klusterlet
from tests.neighbours.programs import program

_NAME = "work-agent"


class WorkAgentProcess:
    """The agent of one managed cluster; it does not outlive the process that started it."""

    def __init__(self) -> None:
        self._program = program("OCM_WORK_AGENT")
        self._keeper = Keeper(Path(tempfile.mkdtemp(prefix="ibgu-agent-")), remove_folder=True)
        self._port = free_port()
        self._arguments: list[str] | None = None
        self._pid: int | None = None

    def join(self, cluster: str, managed: Path, hub: Path, poll: str) -> None:
        """`managed`, `hub`: kubeconfigs of both API servers; `poll`: time between two reads."""
        self._arguments = [
            "agent",
            f"--spoke-cluster-name={cluster}",
            f"--agent-id={cluster}",
            "--workload-source-driver=kube",
            f"--workload-source-config={hub}",
            f"--kubeconfig={managed}",
            f"--namespace={klusterlet.NAMESPACE}",
            "--disable-leader-election",
            f"--status-sync-interval={poll}",
            f"--listen=127.0.0.1:{self._port}",
        ]

    def run(self, connected: bool) -> None:
        """Starts the agent where it can reach the hub, and kills it where it can't."""
        if not connected:
            self.kill()
        elif self._arguments is not None and self._pid is None:
            argv = [str(self._program), *self._arguments]
            self._pid = self._keeper.start(_NAME, argv, environment={"KUBECONFIG": ""})

    @property
    def running(self) -> bool:
        return self._pid is not None

    def kill(self) -> None:
        if self._pid is not None:
            self._keeper.kill(_NAME)
            self._pid = None

    def pause(self, paused: bool) -> None:
        """The agent neither reads nor applies while it is paused."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGSTOP if paused else signal.SIGCONT)

    def leave(self) -> None:
        self.kill()
        self._arguments = None

    def close(self) -> None:
        self._keeper.close()

    def log(self) -> str:
        return self._keeper.tail(_NAME)
