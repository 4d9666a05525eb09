"""A protocol of two parties that somebody brings, over inputs that it makes and checks itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from unseen.bench import net as nets
from unseen.bench import own, pairs
from unseen.bench.pairs import Given, Pair
from unseen.bench.registry import SEED, Bench, Case, Group, Parameters, Settings
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Task
from unseen.protocols.testing import seeded_rng

DEFAULTS = {"n": 1000, "seed": SEED}


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out the one group of this bench.

    Raises:
        InputInvalidError: no protocol is named, or there is none of that name, or no such network.

    """
    task = own.load_task(settings.words["own"])
    yield iter([run(task, settings, nets.parse(settings.words["net"]))])


def run(task: Task, parameters: Parameters, net: nets.Net | None) -> Group:
    """Return a run of both parties, one step after the other, and the same over a network."""
    seed, size = parameters["seed"], parameters["n"]
    given = task.inputs(size, seeded_rng(seed))
    pair = Pair(task, given, seed, partial(checked, task, given))
    case = Case(
        name=f"pair/{type(task).__name__}",
        phase="online",
        units=size,
        work=pair.run,
        traffic=pair.traffic,
        note=pair.note,
        threat_model=task.threat_model,
        security_bits=task.security_bits,
    )
    return [case, *([pairs.over(case, net, lambda: pair.over(net))] if net else [])]


def checked(task: Task, given: Given, *learnt: object) -> str:
    """Say that what came out is right.

    Raises:
        InputInvalidError: the task says that it is not.

    """
    try:
        task.check(given, (learnt[0], learnt[1]))
    except Exception as error:
        raise InputInvalidError(
            f"{type(task).__name__} ends with something else: {error}",
            clause="bench.protocol",
            remedy="mend the protocol, or its `check`",
        ) from error
    return "checked"


BENCH = Bench(
    "pair",
    "a protocol of yours, of two parties, over inputs of yours: give --protocol",
    DEFAULTS,
    groups,
    words={"net": (), "own": ()},
    size="n",
)
