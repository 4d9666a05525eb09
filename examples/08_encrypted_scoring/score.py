"""A bank scores encrypted loans with a model that it never sees, and the provider sees no loan.

    .venv/bin/python examples/08_encrypted_scoring/score.py [--picture FILE]

Both parties in one process, without a node: what passes between them are the bytes that are named.
The provider has two ONNX files, the bank 1,000 loans; columns and their bounds are public.
"""

import json
import secrets
import sys
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unseen.protocols.he import checks, contexts, privacy, seal, tenseal_scheme
from unseen.protocols.he.engine import Ring, Stranger
from unseen.protocols.he.lessons import Lesson, Shown, what_scores_teach
from unseen.protocols.he.lines import demanded
from unseen.protocols.he.models import Feature, Model, from_onnx
from unseen.protocols.he.models.columns import grid_columns, unit_columns, whole_rows
from unseen.protocols.he.networks import demands as networks
from unseen.protocols.he.networks import tenseal_scheme as squared
from unseen.protocols.he.networks.parameters import SquaresParameters
from unseen.protocols.he.networks.parameters import choose as choose_squares
from unseen.protocols.he.parameters import Parameters, choose
from unseen.protocols.train import coding

HERE: Final = Path(__file__).resolve().parent
PRECISION: Final = Fraction(1, 10_000)
CIPHERTEXTS: Final = 1024  # that may return under the contract
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What came of a model: scores of the bank, and those of the model in the clear."""

    name: str
    scores: Reals
    clear: Reals
    up: int
    down: int
    seconds: float
    lessons: tuple[Lesson, ...]


def main() -> int:
    """Score with both models, say what passed, and draw if asked to."""
    features, rows, bad = loans()
    found = [by_line(features, rows), by_network(features, rows)]
    out = np.arange(len(bad)) % 3 == 0  # the models were fitted to the others
    for one in found:
        tell(one, bad, out)
    for one in found:
        print(f"What scores teach of the {one.name}:")
        for lesson in one.lessons:
            print(f"  {lesson.text}\n    {lesson.bound}\n  {lesson.text_zh}\n    {lesson.bound_zh}")
    if "--picture" in sys.argv:
        from scatter import picture  # noqa: PLC0415 - beside this file, for those who ask

        file = Path(sys.argv[sys.argv.index("--picture") + 1])
        dots = [(one.name, one.clear, one.scores) for one in found]
        file.write_text(picture(dots, floods(features, rows)), encoding="utf-8")
    return 0


def loans() -> tuple[tuple[Feature, ...], Reals, NDArray[np.bool_]]:
    """Return the public columns, the bank's rows of them, and which loans went bad."""
    stored = json.loads((HERE / "columns.json").read_text(encoding="utf-8"))
    features = tuple(coding.from_json(Feature, one) for one in stored)
    table = pq.read_table(HERE.parent / "data/german_credit.parquet")
    parts = []
    for one in features:
        given = table[one.name].to_pylist()
        parts.append([one.values.index(text) for text in given] if one.values else given)
    bad = [text == "bad" for text in table["creditability"].to_pylist()]
    return features, np.array(parts, np.float64).T, np.array(bad, np.bool_)


def provider_has(name: str, features: tuple[Feature, ...]) -> Model:
    """Return the model of a file of the provider's."""
    return from_onnx((HERE / f"{name}.onnx").read_bytes(), features)


def by_line(features: tuple[Feature, ...], rows: Reals) -> Scored:
    """Score with the regression: rows in coefficients, sums of ciphertexts."""
    model = provider_has("credit", features)
    whole, demand = demanded(model, PRECISION, CIPHERTEXTS)
    parameters = choose(demand)  # public: both sides compute the same
    bank = tenseal_scheme.SCHEME.owner(parameters)
    sent = bank.encrypt(grid_columns(features, rows))
    provider = tenseal_scheme.SCHEME.opened(parameters, bank.context())
    started = time.perf_counter()
    total = provider.weighted(sent, whole.weights, whole.bias)
    response = provider.private(total, secrets.token_bytes)
    taken = time.perf_counter() - started
    scores = bank.decrypt(response, len(rows))
    up = sum(map(len, sent))
    clear = model.predictor(rows)
    return Scored("regression", scores, clear, up, len(response), taken, taught(model, parameters))


def by_network(features: tuple[Feature, ...], rows: Reals) -> Scored:
    """Score with the network: rows in slots, squares of sums of ciphertexts."""
    model = provider_has("network", features)
    whole, demand = networks.demanded(model, PRECISION, CIPHERTEXTS)
    parameters = choose_squares(demand)
    bank = squared.SCHEME.owner(parameters)
    sent = bank.encrypt(unit_columns(features, rows))
    provider = squared.SCHEME.opened(parameters, bank.context())
    started = time.perf_counter()
    response = provider.private(provider.scored(sent, whole), secrets.token_bytes)
    taken = time.perf_counter() - started
    scores = bank.decrypt(response, len(rows))
    up = sum(map(len, sent))
    clear = model.predictor(rows)
    return Scored("network", scores, clear, up, len(response), taken, taught(model, parameters))


def taught(model: Model, ring: Parameters | SquaresParameters) -> tuple[Lesson, ...]:
    """Return what the bank learns of a model under the whole contract."""
    shown = Shown(
        scores=ring.rows,
        coefficients=ring.degree,
        bits=ring.taught_bits,
        ciphertexts=CIPHERTEXTS,
    )
    return what_scores_teach(model.width, model.sizes, shown)


def floods(features: tuple[Feature, ...], rows: Reals) -> list[tuple[int, float]]:
    """Return how far scores are off behind floods of other sizes: bits hidden, largest error.

    One ring for all, that of the regression; a provider takes no flood that hides less than 40.
    """
    model = provider_has("credit", features)
    whole, demand = demanded(model, PRECISION, CIPHERTEXTS)
    parameters = choose(demand)
    bank = tenseal_scheme.SCHEME.owner(parameters)
    provider = tenseal_scheme.SCHEME.opened(parameters, bank.context())
    total = provider.weighted(bank.encrypt(grid_columns(features, rows)), whole.weights, whole.bias)
    ring = Ring(parameters.degree, parameters.primes)
    stranger = Stranger(ring, contexts.read(bank.context(), parameters))
    exact = [float(whole.value(whole.score(row))) for row in whole_rows(features, rows)]
    found = []
    for hidden in range(0, 57, 2):
        bits = parameters.flood_bits - parameters.hiding_bits + hidden
        other = replace(parameters, flood_bits=bits)
        zero = seal.read_ciphertext(stranger.zero(), checks.sent_level(parameters))
        words = privacy.hidden(total.words, zero.words, other, secrets.token_bytes)
        response = seal.write(seal.Ciphertext(checks.back_level(other), checks.SCALE, words))
        off = bank.decrypt(response, len(rows)) - exact
        found.append((hidden, float(np.abs(off).max())))
    return found


def area(scores: Reals, bad: NDArray[np.bool_]) -> float:
    """Return the area under the curve: how often a bad loan scores above a good one."""
    ranks = np.argsort(np.argsort(scores)) + 1
    count = int(bad.sum())
    return float((ranks[bad].sum() - count * (count + 1) / 2) / (count * (len(bad) - count)))


def tell(one: Scored, bad: NDArray[np.bool_], out: NDArray[np.bool_]) -> None:
    """Print what a model's scores came to."""
    rows = len(one.scores)
    off = np.abs(one.scores - one.clear).max()
    print(f"{one.name}: {rows:,} loans, in one ciphertext a column")
    print(f"  to the provider  {one.up:,} bytes, of which it reads nothing")
    print(f"  back to the bank {one.down:,} bytes, after {one.seconds:.3f} s")
    print(f"  farthest from the score in the clear: {off:.1e} (allowed: {float(PRECISION):.0e})")
    print(f"  area under the curve on {out.sum()} loans that were held out:")
    print(f"    encrypted {area(one.scores[out], bad[out]):.4f}")
    print(f"    clear     {area(one.clear[out], bad[out]):.4f}\n")


if __name__ == "__main__":
    sys.exit(main())
