"""Keeps the facts of a term, and whether anything holds up its turns or its writes."""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from ibgu.controller.journal.retries import JournalRetries
from ibgu.core.engine.state.snapshot import Facts


class TermFacts:
    """TermFacts knows when a term may decide, and when it may write.

    It remembers a gap: that what is known of the hub was incomplete, or the journal away. After a
    gap everything is decided again, and limits that passed meanwhile get their grace.
    """

    def __init__(
        self,
        facts: Facts,
        retries: JournalRetries,
        complete: Callable[[], bool],
        mirror_gaps: Callable[[], int],
    ) -> None:
        """`complete`: whether the mirror shows all of the hub, and the same hub as before.
        `mirror_gaps`: how often it did not, so far."""
        self._facts = facts
        self._retries = retries
        self._complete = complete
        self._mirror_gaps = mirror_gaps
        self._known = self._gaps()
        self._incomplete = False

    @property
    def facts(self) -> Facts:
        return self._facts

    @property
    def talm_hold(self) -> str:
        """Why ibgu writes nothing to the hub beside a live TALM; empty: it may (R20.1)."""
        return self._facts.talm_hold

    @property
    def gap(self) -> bool:
        """Whether there was a gap since the last `closed`, even if it is over."""
        return self._incomplete or self._gaps() != self._known

    def _gaps(self) -> tuple[int, int]:
        """Returns the numbers of outages of the journal and of gaps of the mirror, so far: one may
        begin and end between two looks."""
        return self._retries.outages, self._mirror_gaps()

    def incomplete(self) -> bool:
        """Returns whether the mirror is incomplete now, which is remembered as a gap."""
        found = not self._complete()
        self._incomplete = self._incomplete or found
        return found

    def had_gap(self) -> bool:
        """Returns whether there was a gap, or is one now, which is remembered."""
        return self.incomplete() or self.gap

    def closed(self, now: datetime) -> None:
        """Records that mirror and journal are complete again since `now`."""
        self._incomplete, self._known = False, self._gaps()
        self._facts = replace(self._facts, in_sync_since=now, led_since=None)

    @property
    def writes_suspended(self) -> bool:
        """Whether only a turn's decisions may be written, or what is seen must not be acted on."""
        away = self.gap or bool(self._retries.away)
        return bool(self.talm_hold) or away or not self._complete()

    @property
    def beside_talm(self) -> bool:
        return self._facts.beside_talm

    @property
    def talm_holds_some(self) -> bool:
        """Whether a live TALM holds everything, or the rollouts of some namespace."""
        return bool(self._facts.talm_hold or self._facts.talm_breaches)

    def talm_hold_in(self, namespace: str) -> str:
        """Returns why nothing starts in the namespace beside a live TALM; empty: it may."""
        return self._facts.talm_hold_in(namespace)

    def talm_seen(self, hold: str, *, beside: bool = False) -> bool:
        """Records why TALM holds everything, or that ibgu acts beside it; returns whether that has
        changed."""
        changed = (hold, beside) != (self.talm_hold, self.beside_talm)
        if changed:
            self._facts = replace(self._facts, talm_hold=hold, beside_talm=beside)
        return changed

    def breaches_seen(self, breaches: Mapping[str, str]) -> set[str]:
        """Records why TALM holds namespaces; returns those for which that has changed."""
        before = self._facts.talm_breaches
        changed = {namespace for namespace, _ in before.items() ^ breaches.items()}
        if changed:
            self._facts = replace(self._facts, talm_breaches=dict(breaches))
        return changed
