"""The rules that are checked, and their violations."""

from enum import StrEnum

from msgspec import Struct

from tests.oracle.events import Event


class Rule(StrEnum):
    """The rules, each with what is recomputed."""

    HISTORY = "history"
    """The log begins with the rollout, its numbers rise, and no number of the hub is missing in
    between. A rollout of which old events were forgotten on purpose is reported. What was imported
    after a restore is checked from there on, and not before."""
    WRITER = "writer"
    """Epochs never go back, and every event was written between the beginning of its leader's epoch
    and that of the next."""
    ORDER = "order"
    """The plan only grew, and steps ran one after the other, as planned. Members joined in the
    natural order of names. Actions ran in order, and every run went intended, arming, armed,
    accepted, ended, disarmed. Nothing began while the rollout or the step was held, or after its
    deletion, and nothing was sent that a hold still kept then. A circuit breaker held each step
    whose clusters had failed as often as it allows, until a person resumed. No Update of a
    FleetUpdate that asks for backups began without one that succeeded in this rollout, on that
    cluster, and was not too old. No cluster that had warned was upgraded while the rollout held it
    for a person."""
    MEMBERS = "members"
    """Each cluster joined a step once, and a finished step has an end for each."""
    SLOTS = "slots"
    """At every event at most `maxConcurrency` members in flight, each with a slot of its own, which
    was free, and was freed only when its run had ended and was disarmed."""
    CLAIMS = "claims"
    """At every event one rollout at most has a cluster; from the start of a step that cancels,
    older rollouts begin nothing there. No cluster was cancelled that no newer rollout had taken,
    and none was skipped without a person's order."""
    ONCE = "once"
    """An action begins again only after a run that was withdrawn; run ids never come back."""
    PROBE = "probe"
    """Every start rests on what the cluster showed: reachable, current, in the state that the
    action needs, for an Upgrade with the plan's seed. So does every action that is sent later than
    it was begun."""
    EVIDENCE = "evidence"
    """Every acceptance, success and failure rests on feedback that echoes this very run, in the
    work's current version and seen by the Lifecycle Agent; refusals have the words that refused;
    every failure has a cause and a message. A cluster that counts as gone was not there, and one
    that counts as taken over by hand did not show this very run."""
    LABELS = "labels"
    """Each outcome that changes labels has exactly one record that asks for exactly its change;
    nothing else does."""
    LIMITS = "limits"
    """Limits and deadlines recomputed from the steps' clocks; no cluster was ended before its
    limit, and none started after the deadline, nor went on to its next action. No more clusters
    started in a minute, or were in flight in a ramp-up, than the rollout's annotations allow."""
    POLICIES = "policies"
    """No start was against a RolloutPolicy in force: in a freeze, while no window was open, or
    beyond what a limit lets be in flight over all rollouts of the hub. Nor was one before the
    canaries were through, or while a failure budget was spent. None went without what a policy
    demanded: preflight that has judged the step and found no error, a person who accepts a warning,
    a backup that the rollout asks for. None was with an image whose upgrades had failed as often as
    a policy's `breaker` says, in all rollouts of the hub. No canary went back that no policy had
    asked for. Other ways back, and runs that clusters took after all, are not judged."""


class Violation(Struct, frozen=True):
    rule: Rule
    words: str
    event: Event
    """The event that shows the violation."""
    others: tuple[int, ...] = ()
    """Numbers of the events that contradict it."""
