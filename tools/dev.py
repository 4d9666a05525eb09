"""A developer's verbs. Run: `./unseen dev VERB`.

lint     ruff, its formatter as a check, and the import contracts
fix      what ruff can repair by itself
types    mypy, strict
proto    rewrite proto/gen; with --accept, publish the present wire to proto/image.binpb
lock     rewrite requirements/*.txt; --upgrade moves to the newest versions
bench    benchmarks/ under pytest-benchmark; arguments go to pytest
coverage branch coverage of contract, decide, metering, gate and evidence: 100 % or it fails
mutants  change the code, one thing at a time, and see whether a test notices
edits    20,000 random edits of a log's export, each of which an audit has to find
peers    make an environment for each library that the benches compare with, or for those named
pictures draw the pictures of docs/benchmarks.md; with --measure [NAME], run their benches first
attacks  play the attacks of docs/attacks.md and print their table
readme   execute the README's own commands in a temporary home
check    lint, types, proto drift and compatibility: what CI runs beside the tests
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def script(name: str, *arguments: str) -> int:
    """Run `name` from the environment this Python belongs to; return its exit status."""
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    print("$", name, *arguments, flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def tool(name: str, *arguments: str) -> int:
    """Run a program of tools/; return its exit status."""
    return script("python", f"tools/{name}", *arguments)


def lint(*arguments: str) -> int:
    """Run every linter, also after the first has failed."""
    paths = arguments or (".",)
    checked = [script("ruff", "check", *paths), script("ruff", "format", "--check", *paths)]
    return max(*checked, script("lint-imports", "--no-logo"))


def fix(*arguments: str) -> int:
    """Repair what can be repaired."""
    paths = arguments or (".",)
    return max(script("ruff", "check", "--fix", *paths), script("ruff", "format", *paths))


def types(*arguments: str) -> int:
    """Check types; without arguments, of everything."""
    return script("mypy", *arguments)


def proto(*arguments: str) -> int:
    """Rewrite the generated code, or accept the present wire."""
    return tool("check_proto.py" if "--accept" in arguments else "generate_proto.py", *arguments)


def wire(*_: str) -> int:
    """Check the wire."""
    return tool("check_proto.py")


def lock(*arguments: str) -> int:
    """Resolve the requirement files again."""
    return tool("lock.py", *arguments)


def bench(*arguments: str) -> int:
    """Measure; one process at a time, or the cases would disturb each other."""
    return script("python", "-m", "pytest", "-n", "0", "--benchmark-only", "benchmarks", *arguments)


def edits(*arguments: str) -> int:
    """Edit exports at random and have each edit found."""
    return tool("edits.py", *arguments)


def client(*_: str) -> int:
    """Check the client's installation."""
    return tool("check_client.py")


def mutants(*arguments: str) -> int:
    """Try mutants; arguments go to the tool."""
    return tool("mutants.py", *arguments)


def peers(*arguments: str) -> int:
    """Make the environments of libraries that benches are held against; all, or those named."""
    return tool("peers.py", *arguments)


def pictures(*arguments: str) -> int:
    """Draw pictures from kept figures; arguments go to the tool."""
    return tool("bench_pictures.py", *arguments)


def coverage(*arguments: str) -> int:
    """Measure branch coverage; arguments go to pytest."""
    return tool("covered.py", *arguments)


def attacks(*_: str) -> int:
    """Play the attacks; prints their table."""
    return script("python", "-m", "tests.attacks")


def readme(*_: str) -> int:
    """Execute the README's commands."""
    return tool("check_readme.py")


def check(*_: str) -> int:
    """Run the checks of the source, also after the first has failed."""
    return max(lint(), types(), wire())


VERBS: dict[str, Callable[..., int]] = {
    verb.__name__: verb
    for verb in (
        *(lint, fix, types, proto, wire, lock),
        *(bench, client, coverage, mutants, edits, attacks, peers, pictures, readme, check),
    )
}


def main(arguments: list[str]) -> int:
    """Run one verb; without one, list them."""
    verb, *rest = arguments or ["help"]
    if verb not in VERBS:
        print(__doc__)
        return 0 if verb in {"help", "--help", "-h"} else 2
    return VERBS[verb](*rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
