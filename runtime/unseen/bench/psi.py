"""Intersections by Diffie-Hellman: both parties' work, beside libsodium and other libraries."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from unseen.bench import net as nets
from unseen.bench import own, pairs, psi_peers
from unseen.bench.items import BEYOND, beside, sets
from unseen.bench.limits import raw
from unseen.bench.naive import Naive
from unseen.bench.pairs import Pair
from unseen.bench.psi_peers import Beside
from unseen.bench.registry import CURVE_BITS, SEED, Bench, Case, Group, Settings
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.group import bulk, fixed
from unseen.protocols.kernels import sha512
from unseen.protocols.party import Rng, Steps, TwoParty
from unseen.protocols.psi import cardinality, ecdh
from unseen.protocols.psi import sum as sums

DEFAULTS = {
    "n": 4096,
    "common": 50,
    "memory_mb": 256,  # held in files
    "peers": 1,
    "baselines": 1,
    "seed": SEED,
}
if TYPE_CHECKING:
    from unseen.bench.filed import Filed

_FEW: Final = 1024  # items of what is slow and takes the same for each
_ONCE: Final = 1 << 17  # from so many items on a lap takes long enough to be the only one
_SESSION = bytes(32)


class Ecdh:
    """Which items are in both: the first party learns their places."""

    threat_model = "both follow the protocol; Diffie-Hellman, random oracle"
    security_bits = CURVE_BITS

    def first(self, given: Sequence[bytes], rng: Rng) -> Steps:
        """Ask."""
        receiver = ecdh.Receiver(_SESSION, given, rng)
        return receiver.finish((yield receiver.ask()))

    def second(self, given: Sequence[bytes], message: bytes, rng: Rng) -> Steps:
        """Answer."""
        yield ecdh.Sender(_SESSION, given, rng).answer(message)


class Cardinality:
    """How many items are in both: the second party, the provider, learns it."""

    threat_model = Ecdh.threat_model
    security_bits = CURVE_BITS

    def first(self, given: Sequence[bytes], rng: Rng) -> Steps:
        """Ask, and mix what comes."""
        buyer = cardinality.Buyer(_SESSION, given, rng)
        yield buyer.mix((yield buyer.ask()))

    def second(self, given: Sequence[bytes], message: bytes, rng: Rng) -> Steps:
        """Send the own items, and count."""
        provider = cardinality.Provider(_SESSION, given, rng)
        return provider.count((yield provider.answer(message)))


class Sum:
    """What the common items' numbers add up to: the first party, the buyer, learns it.

    Without noise, which is the provider's to add and takes the same for every size (bench `dp`).
    """

    threat_model = Ecdh.threat_model
    security_bits = CURVE_BITS

    def first(self, given: Sequence[bytes], rng: Rng) -> Steps:
        """Ask, mix what comes, and open the sum."""
        buyer = sums.Buyer(_SESSION, given, rng)
        return buyer.finish((yield buyer.mix((yield buyer.ask()))), BEYOND * len(given))

    def second(self, given: Sequence[bytes], message: bytes, rng: Rng) -> Steps:
        """Send the own items with their numbers, and the sum over those in both."""
        provider = sums.Provider(_SESSION, given, [beside(item) for item in given], rng)
        provider.count((yield provider.answer(message)))
        yield provider.close(noise=0, least=1)


PROTOCOLS: Final[dict[str, type[TwoParty]]] = {"ecdh": Ecdh, "cardinality": Cardinality, "sum": Sum}


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out a group for each protocol that is wanted.

    Raises:
        InputInvalidError: there is no such network, no such protocol, or no numpy for files.

    """
    wanted, net = settings.words["protocol"], nets.parse(settings.words["net"])
    if settings.words["held"] == "files" and find_spec("numpy") is None:
        raise InputInvalidError(
            "sets over files need numpy", clause="bench.psi", remedy="install unseen[kernels]"
        )
    named = settings.words["own"]
    made = own.load(named) if named else None
    each = _possible(settings) if wanted == "all" else (wanted,)
    sha512.prepare(settings["n"])
    for kernel in (bulk, *([fixed] if "sum" in each else [])):
        kernel.warm_up()
    with psi_peers.opened(settings, each, once=settings["n"] >= _ONCE) as beside:
        first = each[0]  # where what somebody brings stands beside
        yield (
            _Sets(settings, net, beside).group(name, made if name == first else None)
            for name in each
        )


def _possible(parameters: Settings) -> tuple[str, ...]:
    """Return what can be run: nobody learns the sum over no item."""
    shared = parameters["n"] * parameters["common"] // 100
    return tuple(name for name in PROTOCOLS if shared or name != "sum")


class _Sets:
    """Two sets of n items, `common` in a hundred of them in both, and cases over them."""

    def __init__(self, parameters: Settings, net: nets.Net | None, beside: Beside) -> None:
        self._n, self._common = parameters["n"], parameters["common"]
        if self._n < 1 or not 0 <= self._common <= 100:
            raise InputInvalidError(
                "a set has an item at least, and common is a part of 100",
                clause="bench.set",
                remedy="for example --set n=4096 --set common=50",
            )
        self._seed, self._baselines = parameters["seed"], parameters["baselines"]
        self._net, self._beside = net, beside
        self._filed, self._memory = parameters.words["held"] == "files", parameters["memory_mb"]

    def group(self, name: str, made: TwoParty | None) -> Group:
        """Return a protocol, what it is held against, and one that somebody brings."""
        whole = f"psi/{name}"
        ours = self._over_files if self._filed else self._in_memory
        cases = ours(name)
        few = min(self._n, _FEW)
        # Two hashes to the group and four products for an item of each; for a sum, a ciphertext
        # made and made anew, of products of fixed elements, and added to the others.
        more = {"bases": 5 * few, "sums": 5 * few} if name == "sum" else {}
        alone = raw(self._seed, hashes=2 * few, products=4 * few, **more)
        cases.append(
            Case(name=f"{whole}/raw", phase="online", units=few, whole=self._n, work=alone)
        )
        if self._baselines and name == "ecdh":
            cases += self._run(f"{whole}/naive", Naive(), few, f"{whole}/raw")
        if made:
            cases += self._run(f"{whole}/{type(made).__name__}", made, self._n, f"{whole}/raw")
        return [*cases, *self._beside.cases(whole)]

    def _in_memory(self, name: str) -> list[Case]:
        return self._run(f"psi/{name}", PROTOCOLS[name](), self._n, f"psi/{name}/raw")

    def _over_files(self, name: str) -> list[Case]:
        from unseen.bench.filed import Filed  # noqa: PLC0415 - needs numpy

        shared = self._n * self._common // 100
        run = Filed(name, self._n, shared, self._memory, self._seed)
        return self._cases(f"psi/{name}/files", run, PROTOCOLS[name](), self._n, f"psi/{name}/raw")

    def _run(self, name: str, protocol: TwoParty, n: int, limit: str) -> list[Case]:
        shared = n * self._common // 100

        def note(*learnt: object) -> str:
            found = next((one for one in learnt if one is not None), None)
            total = sum(map(beside, mine[n - shared :]))
            if found not in (shared, total, tuple(range(n - shared, n))):
                raise RuntimeError(f"{name} does not find what is in both sets")
            return f"{shared} in both"

        mine, theirs = sets(n, shared)
        pair = Pair(protocol, (mine, theirs), self._seed, note)
        return self._cases(name, pair, protocol, n, limit)

    def _cases(
        self, name: str, run: "Pair | Filed", protocol: TwoParty, n: int, limit: str
    ) -> list[Case]:
        own_case = Case(
            name=name,
            phase="online",
            units=n,
            whole=self._n,
            work=run.run,
            traffic=run.traffic,
            limit=limit,
            note=run.note,
            once=n >= _ONCE,
            threat_model=protocol.threat_model,
            security_bits=protocol.security_bits,
        )
        net = self._net if n == self._n else None  # a part of a job takes no part of a round trip
        return [own_case, *([pairs.over(own_case, net, lambda: run.over(net))] if net else [])]


BENCH = Bench(
    "psi",
    "intersections by Diffie-Hellman beside raw libsodium calls and other libraries",
    DEFAULTS,
    groups,
    words={"protocol": ("all", *PROTOCOLS), "held": ("memory", "files"), "net": (), "own": ()},
    size="n",
)
