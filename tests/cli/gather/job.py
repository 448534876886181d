"""Runs the script of a gather Job in a local bash, with an `oc` of the test."""

import json
import os
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from ibgu.core.model.kinds import JsonObject

OC = r"""#!/bin/bash
# Logs are files; what is not given is not there.
case "$1" in
  get)
    case "$*" in
      *jsonpath*) exec cat "$SITE/$4.names" ;;
      *) exec cat "$SITE/$4.pods" ;;
    esac ;;
  logs)
    case "$*" in
      *--previous*) exec cat "$SITE/$4.$6.previous" ;;
      *) exec cat "$SITE/$4.$6" ;;
    esac ;;
  patch) exec cp "${!#}" "$SITE/patch" ;;
esac
"""


def run_job(job: JsonObject, oc: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs what the Job's container runs, with its environment and this program as `oc`."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "oc"
    program.write_text(oc)
    program.chmod(0o755)
    given = {each["name"]: each["value"] for each in container["env"]}
    path = f"{programs}:{os.environ['PATH']}"
    return subprocess.run(
        container["command"],
        env={**given, "PATH": path, "TMPDIR": str(folder), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def result_from(site: Path) -> Mapping[str, str]:
    """Returns the data of the ConfigMap as the script has written it."""
    found: dict[str, str] = json.loads((site / "patch").read_text())["data"]
    return found


GATHER = """#!/bin/bash
echo gathering
mkdir -p "$FOLDER/cluster"
oc get pods -n openshift-lifecycle-agent -o wide > "$FOLDER/cluster/pods.txt" 2>&1
echo "a problem" >&2
exit "${GATHER_EXIT:-0}"
"""
"""A gather script as a must-gather image has it."""


def must_gather(folder: Path, config: str) -> dict[str, str]:
    """Gives the folder what the image and the Secret have; returns the environment that leads
    there. `config`: the Secret's value."""
    (folder / "archive").mkdir()
    (folder / "curl.conf").write_bytes(b64decode(config))
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "gather"
    program.write_text(GATHER)
    program.chmod(0o755)
    return {"FOLDER": str(folder / "archive"), "CURL_CONFIG": str(folder / "curl.conf")}


@contextmanager
def object_store(status: int = 200) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yields the address of an object store on loopback, and what was PUT there by path."""
    stored: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if status == 200:
                stored[self.path] = content
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", stored
    finally:
        server.shutdown()
        server.server_close()
