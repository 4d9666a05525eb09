"""Mutation testing: change one thing in a module, and see whether a test notices.

Run: `./unseen dev mutants [GROUP ...] [--sample N] [--seed S] [--floor PERCENT]`. Without groups,
every one of `GROUPS`; without `--sample`, every mutant there is, which takes hours. A mutant that
no test notices is printed with its line. The exit status is 1 if a group falls below the floor.
Mutants of `|` are left out: nearly all of them are unions of types, which fail on import and would
flatter the figure.

Each worker mutates a copy of the tree of its own: this one is not touched. cosmic-ray lives in an
environment of its own; the tests run in the project's.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome

from copied import copy_tree

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
ROOTS = ("proto/gen", "protocols", "runtime")
TIMEOUT_SECONDS = 120.0
EVIDENCE = "protocols/unseen/evidence"
NODE = "runtime/unseen/node"


@dataclass(frozen=True)
class Group:
    """Modules whose mutants `tests` have to notice; both are paths from the root."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GROUPS = {
    "contract": Group(
        tuple(
            f"{EVIDENCE}/contracts/{name}.py"
            for name in ("contract", "clauses", "leakage", "plan", "states")
        ),
        tuple(
            f"tests/evidence/test_{name}.py"
            for name in ("contract_bounds", "contract", "plan", "values")
        ),
    ),
    "decide": Group(
        (f"{NODE}/contracts/decide.py",),
        ("tests/node/test_decide.py", "tests/node/test_values.py"),
    ),
    "compile": Group(
        (f"{NODE}/contracts/compile.py", f"{NODE}/contracts/clauses"),
        tuple(
            f"tests/node/test_{name}.py"
            for name in ("clauses_bounds", "compile", "clauses", "values")
        ),
    ),
    "narrow": Group(
        tuple(f"{NODE}/contracts/{name}.py" for name in ("narrow", "explain", "rules")),
        tuple(f"tests/node/test_{name}.py" for name in ("narrow", "rules", "values", "governing")),
    ),
    "governing": Group(
        tuple(
            f"{NODE}/contracts/{name}.py"
            for name in ("governing", "standing", "rulebook", "templates")
        ),
        tuple(f"tests/node/test_{name}.py" for name in ("governing", "refresh", "values")),
    ),
    "rules": Group(
        (
            *(
                f"{EVIDENCE}/contracts/{name}.py"
                for name in ("rules", "ruling", "template", "template_file", "limits")
            ),
            f"{EVIDENCE}/audit/templates.py",
        ),
        tuple(
            f"tests/evidence/test_{name}.py"
            for name in ("rules_bounds", "rules", "template", "ruling", "values")
        ),
    ),
    "metering": Group(
        (f"{NODE}/metering",),
        tuple(
            f"tests/node/test_{name}.py"
            for name in (
                "charge_bounds",
                "metered_bounds",
                "charge",
                "metered",
                "metering",
                "listing",
                "opening",
                "values",
            )
        ),
    ),
    "gate": Group(
        (f"{NODE}/release",),
        tuple(
            f"tests/node/test_{name}.py"
            for name in (
                "gate_bounds",
                "release_rules",
                "gate",
                "yielding",
                "values",
                "reviews",
            )
        ),
    ),
    "settlement": Group(
        (f"{EVIDENCE}/bills",),
        tuple(
            f"tests/evidence/test_{name}.py"
            for name in ("settlement", "statement", "billing", "reconcile", "dispute", "values")
        ),
    ),
    "oversight": Group(
        (
            *(
                f"{EVIDENCE}/oversight/{name}.py"
                for name in ("order", "response", "objection", "objections", "batch", "hidden")
            ),
            f"{EVIDENCE}/audit/oversight.py",
            f"{EVIDENCE}/reports",
        ),
        tuple(
            f"tests/evidence/test_{name}.py"
            for name in (
                "order",
                "response",
                "objection",
                "batch",
                "opening",
                "oversight",
                "reports",
                "vectors_openings",
                "values",
            )
        ),
    ),
    "audit": Group(
        (f"{EVIDENCE}/audit",),
        tuple(
            f"tests/evidence/test_{name}.py"
            for name in (
                "audit_bounds",
                "audit",
                "audit_consents",
                "audit_gate",
                "audit_signed",
                "bundle",
                "documents",
                "export",
                "mandated",
                "oversight",
                "registration",
                "ruling",
                "values",
            )
        ),
    ),
    "evidence": Group((EVIDENCE,), ("tests/evidence",)),
}


@dataclass(frozen=True, order=True)
class Mutant:
    """One change: `operator` at its `occurrence` in `module`; `line` counts from 1.

    `arguments` are the operator's own, as JSON. The order is total: a seed names one sample.
    """

    module: str
    line: int
    operator: str
    arguments: str
    occurrence: int


def main(arguments: list[str]) -> int:
    """Run the groups asked for; return 1 if one falls below the floor."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        copies = [copy_tree(Path(folder) / str(number)) for number in range(os.cpu_count() or 1)]
        rates = {name: _group(name, copies, options) for name in options.groups or GROUPS}
    below = [name for name, rate in rates.items() if rate < options.floor]
    for name in below:
        print(f"{name}: below the floor of {options.floor:g} %")
    return int(bool(below))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./unseen dev mutants")
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="GROUP")
    parser.add_argument("--sample", type=int, default=0, help="mutants of each group; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="which mutants the sample holds")
    parser.add_argument("--floor", type=float, default=85.0, help="least share killed, in percent")
    return parser.parse_args(arguments)


def _group(name: str, copies: list[Path], options: argparse.Namespace) -> float:
    """Try the mutants of one group; return the share that a test noticed, in percent."""
    group = GROUPS[name]
    command = " ".join([str(PYTHON), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"])
    command = f"{command} {' '.join(group.tests)}"
    if _test(copies[0], command):
        sys.exit(f"{name}: the tests fail without any change")
    found = sorted(set(mutants_of(copies[0], group)))
    chosen = found
    if 0 < options.sample < len(found):
        chosen = random.Random(options.seed).sample(found, options.sample)  # noqa: S311 - repeatable
    shares = [chosen[number :: len(copies)] for number in range(len(copies))]
    with ProcessPoolExecutor(len(copies)) as pool:
        outcomes = pool.map(_try, copies, shares, [command] * len(copies))
        survivors = [mutant for outcome in outcomes for mutant in outcome]
    for mutant in sorted(survivors, key=lambda m: (m.module, m.line)):
        text = (ROOT / mutant.module).read_text().splitlines()[mutant.line - 1].strip()
        print(f"survived {mutant.module}:{mutant.line} {mutant.operator}: {text}")
    killed = len(chosen) - len(survivors)
    rate = 100.0 * killed / max(len(chosen), 1)
    print(
        json.dumps(
            {
                "group": name,
                "mutants": len(found),
                "tried": len(chosen),
                "killed": killed,
                "killed_percent": round(rate, 1),
                "seed": options.seed,
            }
        ),
        flush=True,
    )
    return rate


def _environment(copy: Path) -> dict[str, str]:
    path = os.pathsep.join(str(copy / root) for root in ROOTS)
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _test(copy: Path, command: str) -> int:
    return subprocess.run(
        command.split(), cwd=copy, env=_environment(copy), capture_output=True, check=False
    ).returncode


def mutants_of(copy: Path, group: Group) -> Iterator[Mutant]:
    """Yield every mutant of a group's modules."""
    modules: list[Path] = []
    for name in group.modules:
        path = copy / name
        modules += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    with use_db(":memory:", WorkDB.Mode.create) as database:
        init(modules, database, {})
        for item in database.work_items:
            (mutation,) = item.mutations
            if "BitOr" in mutation.operator_name:
                continue
            module = str(Path(mutation.module_path).relative_to(copy))
            line = mutation.start_pos[0]
            arguments = json.dumps(mutation.operator_args, sort_keys=True)
            yield Mutant(module, line, mutation.operator_name, arguments, mutation.occurrence)


def _try(copy: Path, mutants: list[Mutant], command: str) -> list[Mutant]:
    """Return which of `mutants` no test notices."""
    os.chdir(copy)
    os.environ.update(_environment(copy))
    survivors = []
    for mutant in mutants:
        spec = MutationSpec(
            module_path=mutant.module,
            operator_name=mutant.operator,
            operator_args=json.loads(mutant.arguments),
            occurrence=mutant.occurrence,
            start_pos=(mutant.line, 0),
            end_pos=(mutant.line, 1),
        )
        result = mutate_and_test([spec], command, TIMEOUT_SECONDS)
        if result.worker_outcome is not WorkerOutcome.NORMAL:
            sys.exit(f"{mutant.module}:{mutant.line} could not be mutated: {result.output}")
        if result.test_outcome is TestOutcome.SURVIVED:
            survivors.append(mutant)
    return survivors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
