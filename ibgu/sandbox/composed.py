"""`python -m ibgu.sandbox.composed`: what the hub of docker-compose.yml begins with.

Certificates, tokens, a kubeconfig for each user, and one file with every object that the hub holds
from the start, a sample rollout among them.
"""

import argparse
import sys
from pathlib import Path

import yaml

from ibgu.sandbox import contents, users
from ibgu.sandbox.certificates import write_serving_files, write_signing_key
from ibgu.sandbox.demo import sample
from ibgu.sandbox.demo.options import DemoOptions

OBJECTS = "hub.yaml"
"""Written last: where it is, everything is."""
SAMPLE = "rollout.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ibgu.sandbox.composed")
    parser.add_argument("folder", type=Path, help="where it is written")
    parser.add_argument("--host", required=True, help="under which name others see the API server")
    parser.add_argument("--port", type=int, default=6443)
    parser.add_argument("--crds", type=Path, required=True, help="the folder with OCM's CRDs")
    parser.add_argument("--clusters", type=int, default=DemoOptions().clusters)
    given = parser.parse_args()
    if (given.folder / OBJECTS).exists():
        print(f"{given.folder} is prepared already")
        return 0
    write_identities(given.folder, given.host, given.port)
    write_objects(given.folder, given.crds, given.clusters)
    print(f"Tokens for the page: olga's in {given.folder}/olga.token; alice may only look")
    return 0


def write_identities(folder: Path, host: str, port: int) -> None:
    files = write_serving_files(folder, host)
    write_signing_key(folder / "service-accounts.key")
    tokens = users.new_tokens()
    users.write_token_file(folder / "tokens.csv", tokens)
    for user, token in tokens.items():
        url = f"https://{host}:{port}"
        users.write_kubeconfig(folder / f"{user}.kubeconfig", url, files.ca, token)
        path = folder / f"{user}.token"
        path.touch(mode=0o600)
        path.write_text(token)


def write_objects(folder: Path, crds: Path, clusters: int) -> None:
    options = DemoOptions(clusters=clusters)
    rollout = [*sample.sources(), sample.rollout(options)]
    (folder / SAMPLE).write_text(yaml.safe_dump_all(rollout))
    objects = contents.everything(crds, sample.NAMESPACES)
    (folder / OBJECTS).write_text(yaml.safe_dump_all(objects))


if __name__ == "__main__":
    sys.exit(main())
