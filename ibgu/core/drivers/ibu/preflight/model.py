"""Rules and what they find, whatever the theme: files, objects on the hub, clusters."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model.document import ObjectField


class Severity(StrEnum):
    ERROR = "error"
    """The upgrade fails, or something is lost."""
    WARNING = "warning"
    """The upgrade may fail, or has an effect that was not intended."""
    UNKNOWN = "unknown"
    """The object was not read, or may not be: the rule may be broken."""


class FactSource(StrEnum):
    """FactSource is where the answer to a rule is known."""

    HUB = "hub"
    CLUSTER = "cluster"
    """An object on the cluster that the hub does not have."""
    IBGU = "ibgu"
    """ibgu itself, which sees to it."""


class PreflightRule(Struct, frozen=True):
    """PreflightRule is declared once, in the module of its theme."""

    id: str
    title: str
    """The rule as a sentence: what must hold."""
    reference: str
    """The chapter of OpenShift's manual, or what refuses it otherwise."""
    remedy: str
    source: FactSource = FactSource.HUB
    fact: str = ""
    """The object that tells whether the rule holds, if it is not on the hub."""

    def error(
        self, at: ObjectField, message: str, clusters: Sequence[str] = ()
    ) -> "PreflightFinding":
        return self._found(Severity.ERROR, at, message, clusters)

    def warning(
        self, at: ObjectField, message: str, clusters: Sequence[str] = ()
    ) -> "PreflightFinding":
        return self._found(Severity.WARNING, at, message, clusters)

    def unknown(
        self, at: ObjectField, message: str, clusters: Sequence[str] = ()
    ) -> "PreflightFinding":
        return self._found(Severity.UNKNOWN, at, message, clusters)

    def _found(
        self, severity: Severity, at: ObjectField, message: str, clusters: Sequence[str]
    ) -> "PreflightFinding":
        return PreflightFinding(self, severity, at, message, self.remedy, tuple(clusters))


class PreflightFinding(Struct, frozen=True):
    rule: PreflightRule
    severity: Severity
    at: ObjectField
    message: str
    remedy: str
    clusters: tuple[str, ...] = ()
    """The clusters at fault, in natural order; empty: it is about all of them."""

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sorts findings by file, line, rule and field."""
        at = self.at
        return (at.file, at.line, int(self.rule.id[1:]), at.field, self.message)
