"""The walks of the map are whole: a file that one takes, and that its row does not list, fails
here."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from ibgu.api import app as rest
from ibgu.cli import app as cli
from ibgu.cli.examples import EXAMPLES
from ibgu.core.drivers.ibu.failures.names import Failure
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.preflight.updates import UPDATE_RULES
from ibgu.core.engine.gate import Gate
from ibgu.core.engine.gates import registry
from ibgu.core.model import ReasonKind
from ibgu.settings import Settings
from tests.docs.reference import gates, reasons
from tests.docs.reference.markdown import sentence

ROOT = Path(__file__).parents[2]
IBGU = ROOT / "ibgu"
WALKS = (ROOT / "docs/architecture.md").read_text().split("## Find your way")[1].split("\n## ")[0]
QUESTIONS = WALKS.split("What you touch to add")[0]
Stop = tuple[str, str]
"""A module and a function in it."""

STARTED_BY = {
    "succeed_run": {"core/engine/decide/member/accepted.py"},
    "perform": {"controller/loop/loop.py"},
}
"""The module that calls the first function of a walk, or of its part after the commit."""
OTHER_WAYS = {
    # A takeover leaves the labels pending that TALM has not written; a cluster may show a failure
    # that the journal has forgotten.
    "enqueue_outcome": {
        "core/engine/decide/rollout/adopting.py",
        "core/engine/decide/member/forgotten.py",
    },
    # Anyone who wants to see a cluster disarmed asks for the same works.
    "desired_stage_work": {"core/engine/decide/disarming.py"},
    # How much time is left is asked for a member that runs late and for a start, and is shown.
    "step_deadline": {
        "core/engine/decide/member/running.py",
        "core/engine/gates/time_floor.py",
        "api/rollouts/eta.py",
        "api/preview/proposals.py",
    },
}
"""Modules that use a function of a walk and are not on it, by the function."""
HANDED_OVER = {
    "add": ("core/engine/decide/member/patches.py", "OnPendingPatch"),
    "perform": ("controller/loop/affected_clusters.py", "AffectedClusters"),
    "_record_work": ("controller/loop/responses.py", "answered"),
    "_why_not_resend": ("controller/effects/outcomes.py", "writing"),
    "reconcile": ("core/engine/decide/stagework.py", "desired_stage_work"),
}
"""Stops that no other stop calls: the module that hands over to each, and by which name."""


def rows(section: str) -> dict[str, str]:
    """Returns the rows of a table by what stands in their first column."""
    found = re.findall(r"^\| (.*?) \| (.*`.*) \| \d+ \|$", section, re.MULTILINE)
    return dict(found)


def stops(walk: str) -> list[Stop]:
    return re.findall(r"`([\w/]+\.py):(\w+)`", walk)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((IBGU / module).read_text())


@cache
def modules() -> list[str]:
    return sorted(str(path.relative_to(IBGU)) for path in IBGU.glob("**/*.py"))


@cache
def names(module: str) -> frozenset[str]:
    """Returns the names that the module uses, whatever it calls them."""
    found = set()
    for node in ast.walk(tree(module)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.ImportFrom(names=imported):
                found.update(each.name for each in imported)
    return frozenset(found)


def definitions() -> Counter[str]:
    """Returns how often a function or method of each name is defined. Every process that collects
    the tests asks this, so it reads the modules without parsing them."""
    text = "\n".join((IBGU / module).read_text() for module in modules())
    return Counter(re.findall(r"^ *(?:async )?def (\w+)", text, re.MULTILINE))


def says(module: str, word: str) -> bool:
    return re.search(rf"\b{word}\b", (IBGU / module).read_text()) is not None


def users(function: str) -> set[str]:
    """Returns the modules that use the name; packages only pass it on."""
    return {
        module
        for module in modules()
        if function in names(module) and not module.endswith("__init__.py")
    }


def assigns(module: str, name: str) -> bool:
    targets = [node.targets[0] for node in tree(module).body if isinstance(node, ast.Assign)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


@cache
def imports(module: str) -> frozenset[str]:
    """Returns what the module imports: packages, modules, and names in them."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{each.name}" for each in node.names)
    return frozenset(found)


def importers(place: str) -> set[str]:
    """Returns the modules that import the module or package."""
    name = f"ibgu.{place.removesuffix('.py').replace('/', '.')}"
    return {module for module in modules() if name in imports(module)}


WALKED = [(question, stop) for question, walk in rows(QUESTIONS).items() for stop in stops(walk)]
DEFINED = definitions()


@pytest.mark.parametrize(("question", "stop"), WALKED)
def test_a_stop_leads_on_from_another(question: str, stop: Stop) -> None:
    module, function = stop
    walk = stops(rows(QUESTIONS)[question])
    others = [other for other in walk if other[0] != module]
    called = any(function in names(other) for other, _ in others)
    calls = any(theirs in names(module) for _, theirs in others)
    if not (called or calls or stop == walk[0]):
        giver, word = HANDED_OVER[function]
        assert giver in dict(others)
        assert says(giver, word)
        assert says(module, word)


@pytest.mark.parametrize(
    ("question", "stop"), [each for each in WALKED if DEFINED[each[1][1]] == 1]
)
def test_a_walk_lists_all_who_use_its_functions(question: str, stop: Stop) -> None:
    _, function = stop
    walk = {module for module, _ in stops(rows(QUESTIONS)[question])}
    allowed = STARTED_BY.get(function, set()) | OTHER_WAYS.get(function, set())
    assert users(function) - walk == allowed


GATES = [name for name, gate in vars(registry).items() if isinstance(gate, Gate)]


@pytest.mark.parametrize("gate", GATES)
def test_only_the_registry_knows_a_gate(gate: str) -> None:
    home = "core/engine/gates/"
    (declared,) = (each for each in modules() if each.startswith(home) and assigns(each, gate))
    assert importers(declared) - {f"{home}__init__.py"} == {f"{home}registry.py"}


SHARES = "core/engine/gates/shares.py"
"""Which rollouts wait for a share of the hub's rate, as the gate's check counts them."""
OWN_GATES = ("core/engine/gate.py", "core/engine/gates/", "core/model/reasons.py")
NOTES_IT = {
    "core/engine/decide/rollout/rollouts.py": {"INVALID_PLAN"},
    "core/engine/decide/rollout/adopting.py": {"TALM", "ADOPTION", "ADOPTING"},
    "core/engine/decide/restored.py": {"RESTORED"},
}
"""The rules that find why a rollout is held; the gate of held rollouts reads what they note."""
ELSEWHERE = {
    # What the record says that a rollout is: paused, refused, quarantined, standing still, TALM's.
    "core/model/records.py": {"INVALID_PLAN", "PAUSED", "INTERNAL_ERROR", "ADOPTION", "RESTORED"},
    # The resume of a pause says what else holds the rollout.
    "core/views/change/controls.py": {"PAUSED"},
    # The annotation circuit-breaker=off is named after its gate.
    "core/engine/decide/rollout/controls.py": {"CIRCUIT_BREAKER"},
    # Reports an error of ibgu's own if the rollout's hold does not.
    "controller/reports/reporter.py": {"INTERNAL_ERROR"},
    # A run whose backup is no longer possible has begun before the gate could keep it.
    "core/engine/decide/member/accepted.py": {"BACKUP_NOT_POSSIBLE"},
    # Counts the rollouts that the circuit breaker of a seed image holds.
    "db/reads/seeds.py": {"SEED_BREAKER"},
    # Of two rollouts of one name, the one that waits does not hide the other's metrics.
    "controller/reports/measures.py": {"NAME_TAKEN"},
    # A pause is ended before anything else, and a restore not by the command that the status names.
    "cli/show/failing.py": {"PAUSED", "RESTORED"},
}
"""Other modules that name the reason of a gate."""


@cache
def told_apart(module: str) -> frozenset[str]:
    """Returns the reasons of gates that the module names, or compares with by value."""
    found = set()
    for node in ast.walk(tree(module)):
        match node:
            case ast.Attribute(value=ast.Name(id="ReasonKind"), attr=name):
                found.add(name)
            case ast.Compare() | ast.MatchValue():
                values = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                found.update(kind.name for kind in ReasonKind if kind.value in values)
    return frozenset(found & {kind.name for kind in registry.GATE_REASONS})


def test_a_reason_of_a_gate_is_named_by_its_gate_alone() -> None:
    found = {module: told_apart(module) for module in modules() if told_apart(module)}
    others = {module: kinds for module, kinds in found.items() if not module.startswith(OWN_GATES)}
    assert others == NOTES_IT | ELSEWHERE


@pytest.mark.parametrize("kind", registry.GATE_REASONS)
def test_a_gate_with_a_reason_of_its_own_is_three_files(kind: ReasonKind) -> None:
    home = {module for module in modules() if module.startswith("core/engine/gates/")}
    naming = {module for module in home if kind.name in told_apart(module)}
    beside = {SHARES} if kind is ReasonKind.HUB_START_RATE else set()
    assert len(naming - beside) == 1, "its gate, or the registry for what all policies share"


@pytest.mark.parametrize("gate", [vars(registry)[gate] for gate in GATES], ids=GATES)
def test_the_reference_says_what_a_gate_declares(gate: Gate) -> None:
    entry = gates.page().split(f"## {gate.name}\n")[1].split("\n## ")[0]
    for kind, declared in gate.reasons.items():
        assert f"[{kind}](reasons.md#{kind.lower()})" in entry
        told = reasons.page().split(f"## {kind}\n")[1].split("\n## ")[0]
        assert sentence(declared.meaning.means) in told
        assert f"**Ends with:** {sentence(declared.meaning.ends)}" in told


FAILURES = "core/drivers/ibu/failures/"
CAUSES = f"{FAILURES}evidence.py"
"""Names the failures that Velero's objects prove; another failure needs no line there."""


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_is_three_files(failure: Failure) -> None:
    says_it = {module for module in modules() if says(module, f"Failure.{failure.name}")}
    says_it -= {CAUSES}
    assert says_it == {module for module in says_it if module.startswith(FAILURES)}
    assert len(says_it) == 1
    messages = ROOT / f"tests/{FAILURES}messages.py"
    assert f"Failure.{failure.name}" in messages.read_text()


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_only_preflight_knows_a_rule(rule: str) -> None:
    (declared,) = (module for module in modules() if assigns(module, rule))
    used = users(rule) - {declared}
    assert "core/drivers/ibu/preflight/registry.py" in used
    assert not [module for module in used if not module.startswith("core/drivers/ibu/preflight/")]


@pytest.mark.parametrize("rule", [rule.id for rule in UPDATE_RULES])
def test_a_rule_of_fleet_updates_is_one_file(rule: str) -> None:
    assert [module for module in modules() if assigns(module, rule)] == [
        "core/drivers/preflight/updates.py"
    ]
    assert users(rule) == {"core/drivers/preflight/updates.py"}


COMMANDS = {
    command.callback.__name__.replace("_", "-"): command.callback.__module__
    for command in cli.app.registered_commands
    if command.callback
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_found_by_its_list_and_its_examples(command: str) -> None:
    module = COMMANDS[command].removeprefix("ibgu.").replace(".", "/") + ".py"
    assert "cli/app.py" in importers(module) | importers(str(Path(module).parent))
    assert EXAMPLES[command]


def test_a_command_with_a_text_of_its_own_is_five_files() -> None:
    assert importers("cli/read/tree.py") == {"cli/app.py"}
    assert importers("cli/show/tree.py") == {"cli/read/tree.py"}


ROUTES = {
    route.name: route
    for noun in rest.ROUTES
    for route in noun.router.routes
    if isinstance(route, APIRoute)
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_is_a_function_and_a_body_of_its_noun(name: str) -> None:
    module = ROUTES[name].endpoint.__module__.removeprefix("ibgu.").replace(".", "/") + ".py"
    assert re.fullmatch(r"api/\w+/routes\.py", module)
    assert "api/app.py" in importers(module)
    classes = [node for node in tree(module).body if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base) for each in classes for base in each.bases}
    assert "Body" not in bases, "bodies stand in schemas.py"


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_a_setting_is_used(setting: str) -> None:
    assert users(setting)
