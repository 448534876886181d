"""`make audit`: does any package of the lock have a known vulnerability?

The answer comes from the package index's advisories. A place that can't reach them says so,
and fails nothing: what was not checked is reported as not checked, never as sound.
"""

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
SECONDS = 5
"""The seconds for one answer of the index."""
UNREACHABLE = "audit skipped: the advisory database is not reachable from here"

Report = dict[str, Any]


def main() -> int:
    if find_spec("pip_audit") is None:
        print("audit skipped: pip-audit is not installed (it is among the dev packages)")
        return 0
    if not reachable():
        print(UNREACHABLE)
        return 0
    lines, code = judged(audited(LOCK))
    print("\n".join(lines))
    return code


def reachable() -> bool:
    """Whether one package that is certainly known gets an answer."""
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "one.txt"
        one.write_text(f"{_first(LOCK.read_text())}\n")
        return not _skipped(audited(one))


def _first(lock: str) -> str:
    """The first pin of a lock, without hashes: name==version."""
    return next(line.split()[0] for line in lock.splitlines() if "==" in line)


def audited(requirements: Path) -> Report:
    """pip-audit's report; where it makes none, one in which nothing was checked."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(requirements)),
            *("--disable-pip", "--no-deps", "--format", "json", "--aliases", "on"),
            *("--progress-spinner", "off", "--timeout", str(SECONDS)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report: Report = json.loads(done.stdout)
    except ValueError:
        return {"dependencies": [{"name": "?", "skip_reason": done.stderr.strip()[-500:]}]}
    return report


def judged(report: Report) -> tuple[list[str], int]:
    """Lines for a person, and the exit code: 1 where something is vulnerable."""
    packages = report["dependencies"]
    found = [
        f"{package['name']} {package['version']}: {_told(vulnerability)}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    skipped = _skipped(report)
    looked_at = len(packages) - len(skipped)
    if not looked_at:
        return [UNREACHABLE], 0
    lines = [f"audit: {looked_at} packages, {len(found) or 'no'} known vulnerabilities", *found]
    if skipped:
        lines.append(f"not checked: {', '.join(skipped)}")
    return lines, 1 if found else 0


def _told(vulnerability: Report) -> str:
    names = ", ".join((vulnerability["id"], *vulnerability.get("aliases", ())))
    fixed = ", ".join(vulnerability.get("fix_versions", ()))
    return f"{names}; {f'fixed in {fixed}' if fixed else 'no version has a fix yet'}"


def _skipped(report: Report) -> list[str]:
    return [package["name"] for package in report["dependencies"] if "skip_reason" in package]


if __name__ == "__main__":
    sys.exit(main())
