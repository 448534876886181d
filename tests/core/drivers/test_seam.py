"""Outside its own packages nothing names an action of the image-based upgrade, or its driver, and
nothing says what the Lifecycle Agent says."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Stage
from ibgu.core.drivers.ibu.failures import KNOWN
from ibgu.core.drivers.ibu.names import GROUP, KIND, NAMESPACE, RESOURCE
from tests.core.drivers.ibu.failures.messages import CASES

ROOT = Path(__file__).parents[3]
ITS_OWN = (
    "ibgu/core/drivers",
    "ibgu/core/talm",  # TALM's objects exist for this kind alone
    "ibgu/api/preflight",  # preflight's rules are of this kind
    "ibgu/api/seeds",  # seed images are of this kind
    "ibgu/api/seed_candidates",
    "ibgu/cli/seeds",
    "ibgu/cli/prepare",  # so is what clusters get before
    "ibgu/cli/gather",  # so are the logs that are gathered after a failure
    "ibgu/cli/content",  # so is the content that its rollouts bring
    "ibgu/sim",  # the simulated Lifecycle Agent
    "ibgu/sandbox",
)
EXAMPLES = "schemas.py"
"""Bodies of REST show examples."""
NAMES_IT = {
    # The doctor looks for clusters without the Lifecycle Agent.
    "ibgu/cli/doctor/probe_fleet.py",
    # Preflight's rules are of this kind, and the preview applies them.
    "ibgu/api/explain/evidence.py",
    "ibgu/api/preview/fleet.py",
    "ibgu/api/preview/inspections.py",
    "ibgu/api/preview/mapping.py",
    "ibgu/api/preview/previews.py",
    "ibgu/cli/show/lint.py",
    "ibgu/cli/show/waves.py",
    "ibgu/controller/inspections/inspector.py",
    "ibgu/controller/inspections/progress.py",
    "ibgu/core/views/preview/preflight.py",
    "ibgu/db/inspections.py",
    "ibgu/controller/lookups/hub_releases.py",
    "ibgu/controller/lookups/preflights.py",
    "ibgu/hub/carried.py",
    "ibgu/hub/policies.py",
    "ibgu/hub/preflight.py",
    # Clusters are prepared for upgrades of this kind.
    "ibgu/hub/gathering.py",
    "ibgu/hub/preparing.py",
    "ibgu/hub/seeds.py",
    # Works are shown as this kind reports them.
    "ibgu/api/works/mapping.py",
    "ibgu/api/works/schemas.py",
    "ibgu/core/views/reported.py",
    "ibgu/core/views/stragglers/recovery.py",
    # Annotations ask for a backup before the action Upgrade of this kind.
    "ibgu/core/views/mistakes.py",
    # Cancel, rollback and finalize are verbs of this kind.
    "ibgu/core/views/change/allowed.py",
    "ibgu/core/views/change/fitness.py",
    "ibgu/api/follow_ups/schemas.py",
    "ibgu/core/views/change/follow_up.py",
}
"""Modules that import the driver's package; a second kind gets here what it needs."""


IMPORT = re.compile(r"^\s*from ibgu\.core\.drivers\.ibu\b", re.MULTILINE)
ACTION = re.compile(f"[\"']({'|'.join(IBU_ACTIONS.names)})[\"']")


def others() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "ibgu").glob("**/*.py")):
        name = str(path.relative_to(ROOT))
        if not name.startswith(ITS_OWN):
            yield name, path.read_text()


def test_every_importer_of_the_driver_is_listed() -> None:
    assert {name for name, text in others() if IMPORT.search(text)} == NAMES_IT


def test_nothing_compares_with_a_named_action() -> None:
    found = {name for name, text in others() if ACTION.search(text) and not name.endswith(EXAMPLES)}
    assert found == {"ibgu/core/notify/sample.py"}


RUN_OF_WORDS = 4
"""Fewer words stand beside each other by chance."""
SENTENCE = 6
"""Words of a sentence, at least."""
MEANINGS = "ibgu/core/drivers/ibu/meanings.py"
"""Repeats parts of the meanings for every kind that it replaces."""
NAMES = re.compile(
    "|".join(
        [r"\bLifecycle Agent\b", r"\bLCA\b", rf"\b{KIND}\b", re.escape(GROUP), NAMESPACE, RESOURCE]
        + [rf"\b{stage}\b" for stage in Stage]
    )
)
"""Matches the agent, its object and the stages that it can be asked for."""
SAYS_THEM = NAMES_IT | {
    # The annotation hold-on-warning is made for what Prep warns of.
    "ibgu/core/engine/gates/warning.py",
    # So are the annotations of the backup for its action Upgrade.
    "ibgu/core/engine/decide/rollout/controls.py",
    "ibgu/core/engine/gates/part.py",
    "ibgu/core/engine/parts.py",
    # The sample is a rollout of the first kind.
    "ibgu/core/notify/sample.py",
    # Clusters that have failed are taken back to Idle before another try.
    "ibgu/core/views/change/retry.py",
    "ibgu/core/views/stragglers/members.py",
    # Content that preflight refuses keeps Prep and Upgrade from starting.
    "ibgu/core/views/preview/warnings.py",
    # Policies demand warnings to be seen, and backups, before the actions of both kinds.
    "ibgu/core/engine/gates/policies/backups.py",
    "ibgu/core/engine/gates/policies/faults.py",
    "ibgu/core/views/policy_words.py",
    # The proposed policies name the actions of both kinds.
    "ibgu/core/views/policy_proposal.py",
}
"""Modules whose texts name the agent or a stage."""


def texts(source: str) -> Iterator[str]:
    """Yields the string literals of the source that are no docstrings; f-strings in pieces."""
    tree = ast.parse(source)
    documentation = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in (each for each in ast.walk(tree) if isinstance(each, ast.Constant)):
        if isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def runs(text: str) -> set[str]:
    """Returns all runs of RUN_OF_WORDS words of the text."""
    words = re.findall(r"[\w']+", text.lower())
    return {" ".join(words[n : n + RUN_OF_WORDS]) for n in range(len(words) - RUN_OF_WORDS + 1)}


SAID = frozenset(run for _, message, _ in CASES for run in runs(message))
"""What the Lifecycle Agent says, in runs of words."""


def in_the_core() -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in others() if name.startswith("ibgu/core/"))


def of_the_driver() -> set[str]:
    """Returns the driver's sentences."""
    modules = sorted((ROOT / "ibgu/core/drivers/ibu").glob("**/*.py"))
    found = (
        text for each in modules if each != ROOT / MEANINGS for text in texts(each.read_text())
    )
    return {text for text in found if len(text.split()) >= SENTENCE}


def repeats_the_agent(source: str) -> bool:
    """Whether the source has words of the Lifecycle Agent's messages, or would match them."""
    found = list(texts(source))
    known = any(row.pattern.search(text) for row in KNOWN for text in found)
    return known or any(runs(text) & SAID for text in found)


def repeating(sentences: Iterable[str], source: str) -> list[str]:
    """Returns the sentences that the source repeats."""
    found = list(texts(source))
    return [sentence for sentence in sentences if any(sentence in text for text in found)]


def test_words_of_the_lifecycle_agent_are_in_the_driver_alone() -> None:
    found = [name for name, source in others() if repeats_the_agent(source)]
    assert [name for name in found if not name.endswith(EXAMPLES)] == []


def test_sentences_of_the_driver_are_in_no_other_module_of_the_core() -> None:
    sentences = of_the_driver()
    found = {name: repeating(sentences, source) for name, source in in_the_core()}
    assert {name: said for name, said in found.items() if said} == {}


def test_modules_of_the_core_that_name_the_agent_or_a_stage_are_listed() -> None:
    found = {name for name, source in in_the_core() if any(map(NAMES.search, texts(source)))}
    assert found <= SAYS_THEM
    assert found >= SAYS_THEM - NAMES_IT, "the list has modules that name neither any more"


@pytest.mark.parametrize("message", sorted({message for _, message, _ in CASES if runs(message)}))
def test_a_message_of_the_agent_in_another_module_is_found(message: str) -> None:
    assert repeats_the_agent(f"def said(words):\n    return {message!r} in words")


def test_a_sentence_of_the_driver_in_another_module_is_found() -> None:
    for sentence in (row.remedy for row in KNOWN):
        assert repeating([sentence], f"DO = {sentence!r}") == [sentence]
        assert repeating([sentence], f"def do():\n    {sentence!r}") == []


@pytest.mark.parametrize("name", ["the Lifecycle Agent", "stage Idle", KIND, f"{GROUP}/v1", *Stage])
def test_a_name_of_the_kind_is_found_and_that_of_the_rollouts_object_is_not(name: str) -> None:
    assert NAMES.search(name)
    assert not NAMES.search("ImageBasedGroupUpgrade")
