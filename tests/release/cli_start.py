"""Runs once the one file is unpacked, before its commands: also on a Python that is too old.

shiv gives it the path of that file as `archive`.
"""

import json
import platform
import sys
from pathlib import Path

unpacked = Path(__file__).parents[2]
unpacked.chmod(0o700)
made_for = json.loads((unpacked / "site-packages" / "made-for.json").read_text())
machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
here = "-".join((sys.platform, machine))
python = ".".join(map(str, sys.version_info[:2]))
if here != made_for["platform"]:
    sys.exit("ibgu: this file is for " + made_for["platform"] + ", and this machine is " + here)
if python not in made_for["pythons"]:
    known = ", ".join(made_for["pythons"])
    sys.exit(
        "ibgu: this file needs one of Python " + known + ", and this is Python " + python + ". "
        "Run it by one of them: python" + made_for["pythons"][0] + " " + globals()["archive"]
    )
