"""Implements the command."""

from datetime import UTC, datetime
from pathlib import Path

from ibgu.cli.change.options import DryRun, Yes
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.gather.options import Folder, Image, MustGather, Timeout, Upload
from ibgu.cli.prepare.options import Names, require_clusters
from ibgu.cli.read.options import Selector

LOG_SECONDS = 300
MUST_GATHER_SECONDS = 1800


def gather(
    names: Names = None,
    selector: Selector = "",
    image: Image = "",
    output: Folder = None,
    timeout: Timeout = None,
    must_gather: MustGather = False,
    upload: Upload = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Get the logs of the Lifecycle Agent and of OADP from clusters."""
    from ibgu.cli.gather.run import GatherOptions, run
    from ibgu.core.drivers.ibu.gather import image_fault

    found = require_clusters(names, selector)
    if fault := image_fault(image):
        fail(f"--image: {fault}", MISUSED)
    folder = output or Path(f"ibgu-gather-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fail(f"{folder} already exists: choose another name with -o, or remove it", MISUSED)
    if must_gather != bool(upload):
        fail("--must-gather needs --upload, and the other way round", MISUSED)
    seconds = timeout or (MUST_GATHER_SECONDS if must_gather else LOG_SECONDS)
    run(
        found,
        selector,
        GatherOptions(image, seconds, folder, dry_run=dry_run, yes=yes, upload=upload),
    )
