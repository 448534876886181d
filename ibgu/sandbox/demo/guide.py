"""The lines to try: the documentation's, ready to be pasted."""

import json
import shlex
import sys
from pathlib import Path

from ibgu.core.drivers.ibu.actions import Action
from ibgu.sandbox.demo import sample
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.hub import SandboxHub


def guide(options: DemoOptions, hub: SandboxHub, database_url: str) -> str:
    """Returns the lines; `options.listen` is where the REST API is."""
    lines = [*_access(options, hub), "", *_steps(options), "", *_proving(database_url)]
    return "\n".join(["", *lines, ""])


def _access(options: DemoOptions, hub: SandboxHub) -> list[str]:
    return [
        "In another terminal:",
        f"  export KUBECONFIG={hub.kubeconfig('admin')}",
        f"  export IBGU_SERVER=http://{options.listen} IBGU_TOKEN={hub.token('olga')}",
        f"  alias kubectl={hub.kubectl} ibgu={Path(sys.argv[0]).resolve()}",
        f"In the browser, with that token: http://{options.listen}/",
        f"(It is olga's, who may change rollouts; alice may only look: {hub.token('alice')})",
        "",
        "  kubectl get ibgu",
        "  kubectl get ibgu demo -o yaml",
        f"  kubectl get managedclusters -l {Action.PREP.failed_label}",
        "  kubectl events --for ibgu/demo",
        "  ibgu status demo",
        "  ibgu explain spoke6",
        "  ibgu works spoke6",
        f'  curl -H "Authorization: Bearer $IBGU_TOKEN" '
        f"http://{options.listen}/api/v1/rollouts/default/demo",
    ]


def _steps(options: DemoOptions) -> list[str]:
    """Each waits for nothing: a step that is appended too early simply comes later."""
    lines = ["When Prep is done, go on as the documentation does (clusters that failed first):"]
    for item in sample.next_steps(options):
        patch = json.dumps(sample.patch_of(item))
        lines.append(f"  kubectl patch ibgu {sample.NAME} --type=json -p '{patch}'")
    return lines


def _proving(database_url: str) -> list[str]:
    """Returns lines for the two commands that read the journal themselves, and send no request."""
    rollout = f"{sample.NAMESPACE}/{sample.NAME}"
    return [
        "Prove from the journal that it kept the rules, and see it again:",
        f"  export DATABASE_URL={shlex.quote(database_url)}",
        f"  ibgu certify {rollout}",
        f"  ibgu replay {rollout}",
    ]
