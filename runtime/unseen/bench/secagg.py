"""Secure aggregation alone, in this process: a party's masking, and the aggregator's unmasking."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unseen.bench import flower, pairs, streams
from unseen.bench import net as nets
from unseen.bench.peers import Peer
from unseen.bench.registry import (
    CURVE_BITS,
    SEED,
    Bench,
    Case,
    Group,
    Parameters,
    Phase,
    Settings,
    Traffic,
)
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import seeded_rng

if TYPE_CHECKING:
    from unseen.protocols.secagg import Aggregator, Masked, Party, PartyNoise
    from unseen.protocols.secagg.driver import Cohort

DEFAULTS = {
    "parties": 10,
    "dim": 1_000_000,
    "bits": 16,
    "ring": 32,
    "sigma": 12,
    "peers": 1,
    "seed": SEED,
}
MODEL = "active aggregator with under a third of the parties; gap Diffie-Hellman, random oracle"
MASK_TARGET = "<= 8 ms at 10 x 1e6, <= 100 ms at 100 x 1e6"
QUANTISE_TARGET = "<= 14 ms with masking, at 10 x 1e6"
NOISE_TARGET = "<= 30 ms with masking and quantising, at 10 x 1e6"
UNMASK_TARGET = "<= 15 ms at 10 x 1e6"
DROPPED_TARGET = "<= 40 ms at 10 x 1e6"
ROUNDS = 5


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench, after the kernel is there.

    Raises:
        InputInvalidError: numpy is not installed, or there is no such network.

    """
    try:
        import numpy as np  # noqa: PLC0415 - the other benches do without
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs numpy", clause="bench.secagg", remedy="install unseen[kernels]"
        ) from None
    net = nets.parse(settings.words["net"])
    with flower.opened(settings) as peer:
        yield _each(settings, np, peer, net)


def _each(
    parameters: Parameters, np: Any, peer: Peer | None, net: nets.Net | None
) -> Iterator[Group]:
    yield warm_up()  # before anything else has asked for the kernel
    world = World(parameters, np, peer)
    yield world.mask()
    yield world.unmask()
    yield world.unmask_dropped()
    if net:
        yield world.over(net)


def warm_up() -> Group:
    """Load the kernels, and compile them where their cache is empty: once a process."""
    from unseen.protocols.kernels import warming  # noqa: PLC0415 - needs numpy

    found: list[str] = []
    return [
        Case(
            name="secagg/warm-up",
            phase="warm-up",
            units=1,
            work=lambda: found.append(warming.warm_up()),
            note=lambda: found[-1],
            once=True,
        )
    ]


class World:
    """A cohort, its quantised vectors, and rounds of it brought to where a case begins.

    One party computes each of the parties' steps that are not measured; the vectors that the
    aggregator adds are all the same one, so that memory does not grow with the parties.
    """

    def __init__(self, parameters: Parameters, np: Any, peer: Peer | None = None) -> None:
        """Set up for the parameters of the bench; `peer` is measured beside, if there is one."""
        from unseen.protocols.dp import Distributed  # noqa: PLC0415
        from unseen.protocols.secagg.driver import cohort  # noqa: PLC0415 - needs numpy
        from unseen.protocols.secagg.noise import reach  # noqa: PLC0415
        from unseen.protocols.secagg.quantise import Quantiser  # noqa: PLC0415

        self._peer = peer
        self._rng = seeded_rng(parameters["seed"])
        self._parties, self._dim = parameters["parties"], parameters["dim"]
        self._ring = parameters["ring"]
        self._quantiser = Quantiser(1.0, parameters["bits"])
        self._spread = Distributed(parameters["sigma"] ** 2, 3, self._dim)
        self._bound = self._quantiser.bound + reach(self._spread)
        source = np.random.default_rng(parameters["seed"])
        self._reals = source.uniform(-1, 1, self._dim).astype(np.float32)
        self._values = self._quantiser.quantise("party-0", self._reals, self._rng)
        self._cohort: Cohort = cohort(self._parties, self._dim, self._bound, self._rng, self._ring)

    def mask(self) -> Group:
        """Measure a party's largest step, from whole numbers and from reals; and its parts."""
        state: dict[str, Any] = {}

        def prepare() -> None:
            state["party"], state["deliveries"] = self._before_masking()

        def work() -> None:
            state["sent"] = state["party"].mask(state["deliveries"], self._values)

        def with_quantising() -> None:
            values = self._quantiser.quantise("party-0", self._reals, self._rng)
            state["party"].mask(state["deliveries"], values)

        def with_noise() -> None:
            values = self._quantiser.quantise("party-0", self._reals, self._rng)
            state["party"].mask(state["deliveries"], values, self._noise())

        up = self._dim * self._ring // 8

        def note() -> str:
            return f"{state['sent'].words.nbytes / self._dim:.0f} bytes a parameter"

        streams = self._streams(self._parties)
        return [
            self._case(
                "secagg/mask",
                work,
                prepare=prepare,
                note=note,
                target=MASK_TARGET,
                limit="secagg/mask/aes",
                traffic=Traffic(up=up, rounds=ROUNDS),
            ),
            self._case(
                "secagg/mask/quantise",
                with_quantising,
                prepare=prepare,
                target=QUANTISE_TARGET,
                limit="secagg/mask/aes",
            ),
            self._case(
                "secagg/mask/noise",
                with_noise,
                prepare=prepare,
                target=NOISE_TARGET,
                limit="secagg/mask/aes",
            ),
            self._case("secagg/mask/streams", streams, limit="secagg/mask/aes"),
            self._case("secagg/mask/aes", self._openssl(self._parties)),
            *flower.masking(self._peer, self._dim),
        ]

    def _noise(self) -> "PartyNoise":
        from unseen.protocols.secagg import PartyNoise  # noqa: PLC0415 - needs numpy

        return PartyNoise(self._spread, self._cohort.parameters, self._rng)

    def unmask(self) -> Group:
        """Measure what the aggregator does with the last share, nobody having dropped out."""
        return self._unmask("secagg/unmask", set(), UNMASK_TARGET)

    def unmask_dropped(self) -> Group:
        """Measure the same with one party gone after it dealt its shares."""
        if self._parties < 5:
            return []
        return self._unmask("secagg/unmask/dropped", {self._parties - 1}, DROPPED_TARGET)

    def over(self, net: nets.Net) -> Group:
        """Measure a whole round of all parties, and the same over a network."""
        from unseen.bench.masking import Whole  # noqa: PLC0415 - needs numpy

        whole = Whole(self._cohort, self._values, self._rng)
        case = replace(
            self._case("secagg/round", whole.run, limit="secagg/round/aes"),
            traffic=whole.traffic,
            note=whole.note,
        )
        # A stream for each pair at both of its ends, and that of each own mask twice.
        masks = self._openssl(self._parties * (self._parties + 1))
        return [
            case,
            self._case("secagg/round/aes", masks),
            pairs.over(case, net, lambda: nets.replay(whole.tape.events, net)),
        ]

    def _unmask(self, name: str, gone: set[int], target: str) -> Group:
        state: dict[str, Aggregator] = {}

        def prepare() -> None:
            state["server"] = self._before_unmasking(gone)

        def finish() -> None:
            state["server"].finish()

        left = self._parties - len(gone)
        return [
            self._case(
                name,
                finish,
                prepare=prepare,
                target=target,
                limit=f"{name}/aes",
            ),
            self._case(f"{name}/aes", self._openssl(left + left * len(gone))),
            *flower.unmasking(self._peer, name, len(gone), self._dim),
        ]

    def _before_masking(self) -> "tuple[Party, tuple[bytes, ...]]":
        parties, _, deliveries = self._dealt()
        return parties[0], deliveries[parties[0].name]

    def _dealt(self) -> "tuple[list[Party], Aggregator, dict[str, tuple[bytes, ...]]]":
        from unseen.protocols.secagg import Aggregator  # noqa: PLC0415 - needs numpy

        members = self._cohort.parameters.members
        parties = [self._cohort.party(member.name, self._rng) for member in members]
        server = Aggregator(self._cohort.parameters)
        for party in parties:
            server.add_keys(party.advertise())
        roster = server.close_keys()
        for party in parties:
            server.add_shares(party.share(roster))
        return parties, server, server.close_shares()

    def _before_unmasking(self, gone: set[int]) -> "Aggregator":
        parties, server, deliveries = self._dealt()
        left = [party for party in parties if party.index not in gone]
        for party in left:
            masked: Masked = party.mask(deliveries[party.name], self._values)
            server.add_masked(masked)
        survivors = server.close_masked()
        for party in left:
            server.add_confirmation(party.confirm(survivors))
        confirmations = server.close_confirmations()
        for party in left:
            server.add_reveal(party.reveal(confirmations))
        return server

    def _streams(self, count: int) -> Callable[[], None]:
        from unseen.protocols.kernels import aes  # noqa: PLC0415 - needs numpy
        from unseen.protocols.kernels.words import zeros  # noqa: PLC0415

        words = zeros(self._dim, self._ring)
        keys: Sequence[bytes] = [self._rng(16) for _ in range(count)]
        return lambda: aes.add_streams(words, keys, [False] * count)

    def _openssl(self, count: int) -> Callable[[], None]:
        return streams.openssl(count, self._dim * self._ring // 8, self._rng)

    def _case(
        self,
        name: str,
        work: Callable[[], object],
        *,
        prepare: Callable[[], None] | None = None,
        note: Callable[[], str] = str,
        limit: str = "",
        target: str = "",
        traffic: Traffic | None = None,
    ) -> Case:
        phase: Phase = "online"
        kept = traffic or Traffic()
        own = bool(limit)

        def run() -> None:
            work()

        return Case(
            name=name,
            phase=phase,
            units=self._dim,
            work=run,
            prepare=prepare or (lambda: None),
            traffic=lambda: kept,
            note=note,
            limit=limit,
            target=target,
            threat_model=MODEL if own else "",
            security_bits=CURVE_BITS if own else 0,
        )


BENCH = Bench(
    "secagg",
    "secure aggregation beside bare AES-CTR of OpenSSL, in one process",
    DEFAULTS,
    groups,
    words={"net": ()},
    size="dim",
)
