"""From the API server's audit log: who wrote while another one led?"""

from tests.benchmarks.audit import IGNORED, WRITES, Entry
from tests.chaos.scene import Chaos


def strangers(chaos: Chaos, entries: list[Entry]) -> list[Entry]:
    """Writes that a controller has made while another one led."""
    names = {pod.credential: pod.name for pod in chaos.pods}
    return [
        entry
        for entry in entries
        if entry.credential in names
        and entry.verb in WRITES
        and entry.code < 300
        and entry.resource not in IGNORED
        and chaos.led_at(entry.received) != names[entry.credential]
    ]
