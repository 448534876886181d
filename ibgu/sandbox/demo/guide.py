"""The lines to try: the documentation's, ready to be pasted."""

import shlex
import sys
from pathlib import Path

from ibgu.sandbox.demo import sample
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.hub import SandboxHub


def guide(options: DemoOptions, shown: sample.Sample, hub: SandboxHub) -> str:
    """Returns the lines; `options.listen` is where the REST API is."""
    lines = [*_access(options, hub), "", *shown.lines]
    where = f"http://{options.listen}/api/v1/rollouts/{sample.NAMESPACE}/{sample.NAME}"
    rest = f'  curl -H "Authorization: Bearer $IBGU_TOKEN" {where}'
    return "\n".join(["", *lines, rest, ""])


def _access(options: DemoOptions, hub: SandboxHub) -> list[str]:
    return [
        "In another terminal:",
        f"  export KUBECONFIG={hub.kubeconfig('admin')}",
        f"  export IBGU_SERVER=http://{options.listen} IBGU_TOKEN={hub.token('olga')}",
        f"  alias kubectl={hub.kubectl} ibgu={shlex.quote(_program(sys.argv[0]))}",
        f"In the browser, with that token: http://{options.listen}/",
        f"(It is olga's, who may change rollouts; alice may only look: {hub.token('alice')})",
        f"(nora may write RolloutPolicies, approve and break glass: {hub.token('nora')})",
    ]


def _program(started: str) -> str:
    """Returns the command that runs ibgu; `started`: the program as it was started. A module is no
    program: `python -m ibgu` runs it."""
    path = Path(started).resolve()
    if path.name == "__main__.py":
        return shlex.join([sys.executable, "-m", path.parent.name])
    return str(path)
