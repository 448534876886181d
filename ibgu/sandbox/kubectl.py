"""The real kubectl on a sandbox hub, as one of its users."""

import json
import subprocess
from typing import Any, NamedTuple

from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.hub import SandboxHub

TIMEOUT = 300
"""Seconds after which a command is given up, such as a deletion that nobody finalizes."""


class KubectlResult(NamedTuple):
    code: int
    out: str
    err: str


class Kubectl:
    def __init__(self, hub: SandboxHub) -> None:
        self._hub = hub

    def run(self, *arguments: str, user: str = "admin", stdin: str = "") -> KubectlResult:
        try:
            done = subprocess.run(
                [self._hub.kubectl, "--kubeconfig", self._hub.kubeconfig(user), *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(
                f"kubectl {' '.join(arguments)} did not end within {TIMEOUT} s"
            ) from error
        return KubectlResult(done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments: str, user: str = "admin", stdin: str = "") -> str:
        """Returns the command's standard output; a non-zero exit code is an error with its text."""
        result = self.run(*arguments, user=user, stdin=stdin)
        if result.code:
            raise SandboxError(f"kubectl {' '.join(arguments)}: {result.err.strip()}")
        return result.out

    def apply(self, manifest: dict[str, Any], *, user: str = "admin") -> str:
        return self("apply", "-f", "-", user=user, stdin=json.dumps(manifest))

    def get(self, *arguments: str, user: str = "admin") -> dict[str, Any]:
        """`get("ibgu", "name", "-n", "default")` as JSON."""
        return dict(json.loads(self("get", *arguments, "-o", "json", user=user)))
