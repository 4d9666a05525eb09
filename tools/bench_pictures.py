"""Draw the pictures of docs/benchmarks.md from the raw figures that are kept beside them.

    ./unseen dev pictures                      # draw all of them
    ./unseen dev pictures --measure psi        # run its command anew first, and keep what it finds

Raw figures lie in docs/pictures/data, as `bench run --format json` wrote them; `--measure` without
names runs all commands, `--sizes 1000,10000` others than those here.
"""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Final, NamedTuple

from unseen.bench import kept, plotting
from unseen.bench.main import sizes

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "pictures"
DATA: Final = FOLDER / "data"


class Picture(NamedTuple):
    """A picture: what is run for it, at which sizes, and which cases are drawn."""

    run: tuple[str, ...]
    sizes: str
    cases: tuple[str, ...]


PICTURES: Final = {
    "oprf": Picture(
        ("oprf", "--set", "batch=16", "--repeats", "3"), "1000,10000,100000", ("oprf/bulk*",)
    ),
    "psi": Picture(
        ("psi", "--set", "protocol=ecdh", "--repeats", "1"), "1000,4000,16000,64000", ("psi/*",)
    ),
    "lookup": Picture(
        ("lookup", "--set", "way=lwe_pir", "--set", "together=100", "--repeats", "3"),
        "3000,10000,30000,100000",
        (
            "lookup/lwe_pir/oprf",
            "lookup/lwe_pir/filters",
            "lookup/*/hint",
            "lookup/*/server",
            "lookup/lwe_pir/server/memory",
            "lookup/lwe_pir/client",
        ),
    ),
    "score": Picture(
        ("score", "--set", "baselines=1", "--repeats", "3"),
        "8192,32768,131072,1048576",
        ("score/client", "score/server*", "score/open"),
    ),
    "train_he": Picture(
        ("train_he", "--set", "real=0", "--repeats", "1"),
        "10000,100000,1000000",
        (
            "train_he/secret/provider",
            "train_he/secret/buyer",
            "train_he/secret/clear",
            "train_he/vertical/provider",
            "train_he/vertical/buyer",
            "train_he/vertical/once",
        ),
    ),
}


def command(name: str, at: str = "") -> list[str]:
    """Return the words after `unseen` that a picture's figures come from."""
    one = PICTURES[name]
    return ["bench", "run", *one.run, "--sweep", at or one.sizes, "--format", "json"]


def drawn(name: str) -> str:
    """Return a picture as SVG, of the figures that are kept."""
    found = kept.read([DATA / f"{name}.json"])
    series = plotting.series(found, sizes(), PICTURES[name].cases)
    return plotting.picture(series, plotting.about(found))


def measure(name: str, at: str) -> None:
    """Run a picture's command, and keep what it prints."""
    words = [sys.executable, "-m", "unseen.cli", *command(name, at)]
    print("$ unseen", *words[3:], flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / f"{name}.json").write_text(done.stdout, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Measure what is to be measured, and draw."""
    parser = ArgumentParser(prog="./unseen dev pictures")
    parser.add_argument("names", nargs="*", choices=[[], *PICTURES], metavar="NAME")
    parser.add_argument("--measure", action="store_true", help="run the command anew")
    parser.add_argument("--sizes", default="", help="at other sizes")
    given = parser.parse_args(arguments)
    for name in given.names or PICTURES:
        if given.measure:
            measure(name, given.sizes)
        (FOLDER / f"{name}.svg").write_text(drawn(name), encoding="utf-8")
        print(f"docs/pictures/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
