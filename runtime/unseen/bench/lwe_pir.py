"""Cases of the bench `lookup` for a table that stays with its owner, each beside its limit."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from unseen.bench import net as nets
from unseen.bench import pairs, simplepir, streams
from unseen.bench.hidden import Lookup, Table
from unseen.bench.limits import floats, hashes, raw, reading, stretched
from unseen.bench.net import Net, Tape
from unseen.bench.registry import Case, Group, Parameters, Phase, Traffic
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.group import bulk
from unseen.protocols.kernels import aes, matrix, sha512
from unseen.protocols.lookup.lwe_pir import client, filters
from unseen.protocols.lookup.lwe_pir import server as answering
from unseen.protocols.lookup.lwe_pir.parameters import SECRET, SECURITY_BITS
from unseen.protocols.lookup.lwe_pir.seeds import SEED_BYTES, Seeded
from unseen.protocols.testing import Transcript, seeded_rng

NAME: Final = "lookup/lwe_pir"
BARE: Final = "lookup/simplepir"
SET_UP_TARGET: Final = "<= 60 s in all at 1e6 x 40 B"
SERVER_TARGET: Final = "<= 6 ms at 1e6 x 40 B, <= 140 ms at 1e8 x 9 B"
BATCH_TARGET: Final = "<= 3.5 ms each at 1e6 x 40 B"
CLIENT_TARGET: Final = "<= 10 ms at 1e6 x 40 B"
MODEL: Final = (
    "operator sees no question (LWE); buyer: one-more gap Diffie-Hellman, random oracle; "
    "operator may spoil labels"
)
_FEW: Final = 4096  # records of what is slow and takes the same for each
_ALONE: Final = 8  # queries of a lap, one after the other
_PART: Final = 1024  # columns of a part of the table
_PREPARED: Final = 64  # queries made ready at once
_HASHED: Final = 128  # bytes of a text that is hashed for a place: about two blocks


def groups(parameters: Parameters, net: Net | None) -> Iterator[Group]:
    """Hand out set-up, the owner's answers, and the buyer's part.

    Raises:
        InputInvalidError: there is no such shape, or nothing is to be answered.

    """
    if parameters["together"] < 1:
        raise InputInvalidError(
            "at least one query is answered at once",
            clause="bench.set",
            remedy="for example --set together=1000",
        )
    for kernel in (bulk, sha512, aes, matrix):
        kernel.warm_up()
    bench = _Bench(Table(parameters), parameters)
    yield bench.made_up() if parameters["synthetic"] else bench.build()
    yield bench.publish()
    yield bench.alone()
    yield bench.together()
    yield bench.buyer()
    yield bench.whole(net)


class _Bench:
    """Cases over one table."""

    def __init__(self, table: Table, parameters: Parameters) -> None:
        self._table, self._shape = table, table.shape
        self._together, self._seed = parameters["together"], parameters["seed"]
        self._baselines = bool(parameters["baselines"])

    def made_up(self) -> Group:
        """Measure how a table of random bytes is made: nothing that anybody would do."""
        table = self._table
        case = partial(_own, phase="set-up", once=True, note=self._described)
        return [case("synthetic", table.records, table.make_up)]

    def build(self) -> Group:
        """Measure outputs and filters."""
        table, few = self._table, min(self._table.records, _FEW)
        oprf, three = f"{NAME}/oprf/raw", f"{NAME}/filters/hashes"
        return [
            _set_up("oprf", table.records, table.evaluate, limit=oprf, note=self._described),
            _bound(oprf, few, raw(self._seed, hashes=few, products=few), "set-up", table.records),
            _set_up("filters", table.records, table.fill, limit=three),
            _bound(three, few, hashes(filters.PLACES * few, _HASHED), "set-up", table.records),
        ]

    def publish(self) -> Group:
        """Measure the hint; the limit and the baseline over a part of the table's columns."""
        table, shape = self._table, self._shape
        columns = min(shape.width, _PART)
        part = max(1, table.records * columns // shape.width)
        limit = f"{NAME}/hint/floats"
        cases = [
            _set_up(
                "hint",
                table.records,
                table.publish,
                limit=limit,
                traffic=lambda: Traffic(down=shape.hint_bytes, rounds=1),
            ),
            _bound(limit, part, floats(shape.rows * columns * SECRET), "set-up", table.records),
        ]
        if self._baselines:
            slab = table.matrix[:, :columns]
            cases.append(
                _bare(
                    "hint",
                    part,
                    lambda: _ignored(simplepir.hint(table.public.key, slab)),
                    phase="set-up",
                    whole=table.records,
                    limit=limit,
                    traffic=lambda: Traffic(down=4 * shape.rows * simplepir.SECRET, rounds=1),
                    once=True,
                )
            )
        return cases

    def alone(self) -> Group:
        """Measure answers to queries that come one at a time."""
        shape, rows = self._shape, self._table.matrix
        each = [self._table.queries(1) for _ in range(_ALONE)]
        limit = f"{NAME}/server/memory"

        def work(answer: Callable[..., object]) -> None:
            for words in each:
                answer(rows, words)

        cases = [
            _own(
                "server",
                _ALONE,
                partial(work, answering.answer),
                limit=limit,
                target=SERVER_TARGET,
                traffic=lambda: Traffic(
                    _ALONE * shape.query_bytes, _ALONE * shape.answer_bytes, _ALONE
                ),
            ),
            _bound(limit, _ALONE, reading(rows, _ALONE), "online"),
        ]
        if self._baselines:
            bare = partial(work, simplepir.answer)
            cases.append(
                _bare("server", _ALONE, bare, limit=limit, traffic=self._words(_ALONE, _ALONE))
            )
        return cases

    def together(self) -> Group:
        """Measure answers to many queries at once."""
        shape, rows, count = self._shape, self._table.matrix, self._together
        words = self._table.queries(count)
        limit, part = f"{NAME}/batch/floats", max(1, count // 16)
        cases = [
            _own(
                "batch",
                count,
                lambda: _ignored(answering.answer(rows, words)),
                limit=limit,
                target=BATCH_TARGET,
                traffic=lambda: Traffic(count * shape.query_bytes, count * shape.answer_bytes, 1),
            ),
            _bound(limit, part, floats(part * shape.table_bytes), "online"),
        ]
        if self._baselines:
            bare = partial(simplepir.answer, rows, words)
            sent = self._words(count, 1)
            cases.append(_bare("batch", count, lambda: _ignored(bare()), limit=limit, traffic=sent))
        return cases

    def buyer(self) -> Group:
        """Measure what a buyer computes: ahead of a question, and in all."""
        table, shape, rng = self._table, self._shape, seeded_rng(self._seed)
        many = min(self._together, _PREPARED)
        stream, shake = f"{NAME}/prepare/aes", f"{NAME}/prepare/batch/shake"
        asked = self._asked()

        def prepare(count: int) -> None:
            client.prepare_each(table.public, [Seeded(rng(SEED_BYTES)) for _ in range(count)])

        cases = [
            _own("prepare", 1, partial(prepare, 1), phase="offline", limit=stream),
            _bound(stream, 1, streams.openssl(1, 4 * shape.width * SECRET, rng), "offline"),
            _own("prepare/batch", many, partial(prepare, many), phase="offline", limit=shake),
            _bound(shake, many, stretched(many, 32 * shape.width), "offline"),
            _own(
                "client",
                1,
                asked.again,
                prepare=asked.ask,
                limit=stream,
                target=CLIENT_TARGET,
                note=asked.checked,
            ),
        ]
        if self._baselines:
            bare = partial(simplepir.query, table.public.key, shape.width, 0, rng)
            cases.append(_bare("query", 1, lambda: _ignored(bare()), phase="offline", limit=stream))
        return cases

    def whole(self, net: Net | None) -> Group:
        """Measure a lookup of both sides, one after the other."""
        asked = self._asked()
        case = _own(
            "whole",
            1,
            asked.ask,
            traffic=lambda: Traffic.of(asked.transcript, up="buyer", down="operator"),
            note=lambda: f"buyer: {1000 * asked.tape.seconds('buyer'):.1f} ms; {asked.checked()}",
        )
        if net is None:
            return [case]
        return [case, pairs.over(case, net, lambda: nets.replay(asked.tape.events, net))]

    def _asked(self) -> "_Asked":
        return _Asked(self._table)

    def _words(self, count: int, rounds: int) -> Callable[[], Traffic]:
        """Return the traffic of so many queries whose answers are whole words."""
        up, down = count * self._shape.query_bytes, count * 4 * self._shape.rows
        return lambda: Traffic(up, down, rounds)

    def _described(self) -> str:
        shape = self._shape
        kind = "built" if len(self._table.outputs) else "synthetic: random cells, no OPRF"
        sizes = f"{shape.blocks} x {shape.width} cells of {shape.cell_bytes} B"
        return f"{kind}; {sizes}, {shape.table_bytes / 1e6:,.1f} MB"


class _Asked:
    """Lookups of one record after another, and the last of them once more."""

    def __init__(self, table: Table) -> None:
        self._table, self._number = table, 0
        self._found: list[Lookup] = []
        self._total = b""
        self.tape, self.transcript = Tape(), Transcript()

    def ask(self) -> None:
        """Look the next record up."""
        self.tape, self.transcript = Tape(), Transcript()
        self._number = (self._number + 1) % self._table.records
        self._found = [self._table.ask(self._number, self.tape, self.transcript)]

    def again(self) -> None:
        """Do the buyer's part of it again."""
        self._total = self._table.repeat(self._found[0])

    def checked(self) -> str:
        """Say that the last one came out right."""
        self.again()
        self._table.check(self._number, self._total)
        return "opened right"


def _own(
    part: str, units: int, work: Callable[[], None], *, phase: Phase = "online", **more: Any
) -> Case:
    return Case(
        name=f"{NAME}/{part}",
        phase=phase,
        units=units,
        whole=units if phase == "set-up" else 1,
        work=work,
        threat_model=MODEL,
        security_bits=SECURITY_BITS[1],
        **more,
    )


def _set_up(part: str, units: int, work: Callable[[], None], **more: Any) -> Case:
    return _own(part, units, work, phase="set-up", target=SET_UP_TARGET, once=True, **more)


def _bound(name: str, units: int, work: Callable[[], None], phase: Phase, whole: int = 1) -> Case:
    once = phase == "set-up"
    return Case(name=name, phase=phase, units=units, whole=whole, work=work, once=once)


def _bare(
    part: str,
    units: int,
    work: Callable[[], None],
    *,
    phase: Phase = "online",
    whole: int = 1,
    **more: Any,
) -> Case:
    return Case(
        name=f"{BARE}/{part}",
        phase=phase,
        units=units,
        whole=whole,
        work=work,
        threat_model=simplepir.MODEL,
        security_bits=simplepir.SECURITY_BITS[1],
        **more,
    )


def _ignored(_: object) -> None:
    return
