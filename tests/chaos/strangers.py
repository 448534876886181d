"""Writes in the API server's audit log: who wrote while another one led?"""

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


def overtaken(chaos: Chaos, entries: list[Entry]) -> list[Entry]:
    """Strangers' writes to what another controller had written before they came.

    A write to an object that nobody has touched since it was sent is the write that the journal
    announced, only late; the next leader finds it. One that the successor's was ahead of has to
    meet its resourceVersion.
    """
    written = {
        (entry.target, entry.credential): entry.completed
        for entry in sorted(entries, key=lambda entry: entry.completed, reverse=True)
        if entry.verb in WRITES and entry.code < 300
    }
    credentials = {pod.credential for pod in chaos.pods}
    return [
        entry
        for entry in strangers(chaos, entries)
        if any(
            written.get((entry.target, other), entry.received) < entry.received
            for other in credentials - {entry.credential}
        )
    ]
