"""Trainings under encryption on a stage, and iterations taken step by step by hand."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from tests.promises.stage import Stage

from unseen.client import Client
from unseen.client.catalog import Prices
from unseen.client.queries import asking
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.encrypted import Encrypted, domain_of, encrypted_in
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.training.encrypted_file import parse_encrypted
from unseen.evidence.releases.encrypted import SentGradient, SentWeights
from unseen.evidence.releases.request import Request
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.buyer import Keys
from unseen.protocols.he.training.descent import within_reach
from unseen.protocols.he.training.rows import kept
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.v1 import intersect_pb2, train_pb2, train_pb2_grpc

Reals = NDArray[np.float64]
TABLE = "care"
PRODUCT = "long-stays"
WARDS = ("heart", "hip", "eye")
DELTA = "0.000001"
ROWS = 400
MENU = f"""
delta = "{DELTA}"

[[dimension]]
name = "ward"
text = "Ward"
column = "ward"
values = ["heart", "hip", "eye"]

[[dimension]]
name = "bed"
text = "Bed"
column = "bed"
values = [{", ".join(f'"{bed}"' for bed in range(40))}]

[[measure]]
name = "stay"
text = "Days in hospital"
column = "stay"
unit = "day"
decimals = 2
low = 0
high = 60

[[filter]]
name = "acute"
text = "Came as an emergency"
expression = "acute"
"""
SECRET = """
protocol = "ckks"
family = "logistic"
features = ["ward", "stay"]
label = "acute"

[steps]
iterations = 3
norm = 2
reach = 3

[privacy]
rho = 1
most_rows = 1000
"""
VERTICAL = SECRET.replace('label = "acute"\n', "").replace(
    "[steps]\n",
    """[label]
name = "readmitted"

[[own]]
name = "age"
low = 0
high = 100

[steps]
own_norm = 1
""",
)
BUDGET = "20"


@dataclass(frozen=True)
class Patient:
    """A row of the table; a stay is a number that nobody can guess."""

    id: str
    ward: str
    bed: int
    stay: float | None
    acute: bool

    @property
    def seen(self) -> list[float]:
        """What a training sees of ward and stay, behind a constant; zeros where one is missing."""
        if self.stay is None:
            return [0.0] * 5
        whole = min(max(round(self.stay * 100), 0), 6000)
        return [1.0, *(float(self.ward == ward) for ward in WARDS), (2 * whole - 6000) / 6000]


def patients(count: int = ROWS, seed: int = 3) -> list[Patient]:
    """Return people, each with a name nobody can guess; some of their stays are not known."""
    chance = Random(seed)
    return [
        Patient(
            id=secrets.token_hex(16),
            ward=chance.choice(WARDS),
            bed=chance.randrange(40),
            stay=None if number % 20 == 19 else chance.uniform(0, 60),
            acute=chance.random() < 0.4,
        )
        for number in range(count)
    ]


def write(path: Path, people: Sequence[Patient]) -> str:
    """Write the rows as Parquet; return the file's path."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE r (id VARCHAR, ward VARCHAR, bed VARCHAR, stay DOUBLE, acute BOOLEAN)"
        )
        rows = [(p.id, p.ward, str(p.bed), p.stay, p.acute) for p in people]
        connection.executemany("INSERT INTO r VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY r TO '{path}' (FORMAT parquet)")
    return str(path)


@dataclass
class Caring:
    """A serving stage with a table of patients, and trainings over it."""

    stage: Stage
    people: list[Patient]
    table: str = TABLE
    product: str = PRODUCT

    @classmethod
    def on(
        cls,
        stage: Stage,
        *,
        table: str = TABLE,
        epsilon: str = "100",
        label: tuple[str, str] = ("public", "1"),
        count: int = ROWS,
    ) -> "Caring":
        """Register and offer everything on a serving stage."""
        people, product = patients(count), f"stays-of-{table}"
        source = write(stage.root / f"{table}.parquet", people)
        stage.operator.register_table(table, source, subject=["id"], labels={"*": label})
        stage.operator.register_product(
            product,
            table=table,
            kind="train",
            title="Long stays",
            predicates=parse_definition(MENU.encode()),
            prices=Prices("CNY", 1_000_000, 500_000),
        )
        if epsilon:
            stage.operator.set_privacy_budget(table, epsilon=epsilon, delta=DELTA)
        return cls(stage, people, table, product)

    def contract(self, text: str = SECRET, **changes: Any) -> str:
        """Return a contract in force."""
        spec = parse_encrypted(text.encode(), parse_definition(MENU.encode()).menu)
        wish: dict[str, Any] = {
            "outputs": spec.names,
            "scenario": "tests",
            "units": spec.iterations,
            "per_minute": 1000,
            "days": 1,
            "budget": BUDGET,
            "train": spec,
        }
        found = self.stage.lender.request_contract(self.product, **wish | changes)
        self.stage.operator.approve(found.id)
        self.stage.lender.sign(found.id)
        return found.id

    def asking(self, contract: str, **changes: Any) -> "Asking":
        """Return an iteration under a contract, over all patients where the buyer has rows."""
        return Asking.of(self.stage.lender, contract, self.people, **changes)

    def used(self, contract: str) -> tuple[int, int]:
        """Return how many requests and units were charged."""
        found = self.stage.lender.usage(contract)
        return found.requests, found.units_used

    def spent(self) -> int:
        """Return the units of rho that the table's ledger counts as spent."""
        (ledger,) = self.stage.operator.privacy_ledgers(self.table)
        return ledger.spent


def hash_of(client: Client, contract: str, subject: str) -> bytes:
    """Return how a buyer names a subject under a contract."""
    columns = (SubjectColumn("id", "string"),)
    domain = domain_of(client._contracts.terms(contract).id())
    return client._session.suite.digest(encode_subject(columns, [subject], domain))


@dataclass(frozen=True)
class Asking:
    """An iteration as one client signs it, whose messages may be sent one by one."""

    client: Client
    contract: str
    clause: Encrypted
    keys: Keys
    weights: Reals
    own: Reals
    labels: Reals
    context: bytes = field(repr=False)
    rows: bytes = field(repr=False)
    data: bytes = field(repr=False)
    request: Request
    nonce: bytes = b""
    part: bytes = b""

    @classmethod
    def of(
        cls,
        client: Client,
        contract: str,
        people: Sequence[Patient],
        *,
        seed: int = 1,
        keys: Keys | None = None,
    ) -> "Asking":
        """Encrypt weights, and rows of the buyer's where it has some, and sign the request."""
        terms = client._contracts.terms(contract)
        clause, source = encrypted_in(terms.parameters), np.random.default_rng(seed)
        keys = keys or Keys(clause.chain())
        weights = within_reach(source.normal(0, 0.3, clause.samples), clause.task())
        count = len(people) if clause.vertical else 0
        own = source.uniform(-0.9, 0.9, (count, clause.own_columns))
        labels = (source.random(count) < 0.3).astype(float)
        rows, data = b"", keys.weights(weights)
        if clause.vertical:
            hashes = [hash_of(client, contract, one.id) for one in people]
            rows = b"".join(hashes) + keys.block(own, labels)
        if clause.own:
            data += keys.scores(own, weights[clause.columns :])
        request = Request(
            suite=client._session.suite.id,
            contract=terms.id(),
            request=secrets.token_hex(16),
            kind="train",
            units=1,
            commitment=bytes(32),
            manifest=b"",
            epoch=0,
            issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        context = keys.context(count)
        found = cls(
            client, contract, clause, keys, weights, own, labels, context, rows, data, request
        )
        return found.signed()

    def signed(self, **changes: Any) -> "Asking":
        """Return the same request over other bytes: `context`, `rows` or `data`."""
        made = replace(self, **changes)
        suite, nonce = self.client._session.suite, secrets.token_bytes(32)
        part = SentWeights(
            suite=suite.id,
            context=suite.digest(made.context),
            rows=suite.digest(made.rows) if made.rows else b"",
            digest=suite.digest(made.data),
        ).encode()
        request = replace(made.request, commitment=commit(suite, nonce, (part,)))
        return replace(made, request=request, nonce=nonce, part=part)

    def afresh(self, **changes: Any) -> "Asking":
        """Return the same as another request."""
        request = replace(self.request, request=secrets.token_hex(16))
        return replace(self, request=request).signed(**changes)

    @property
    def stub(self) -> train_pb2_grpc.TrainServiceStub:
        """The service."""
        return train_pb2_grpc.TrainServiceStub(self.client._session.channel.grpc)

    def upload(self, data: bytes, part: intersect_pb2.Part, **changes: Any) -> bool:
        """Send a part in chunks; return whether all of it is there."""
        digest, step = self.client._session.suite.digest(data), 1 << 19
        shared = part in (intersect_pb2.PART_CONTEXT, intersect_pb2.PART_ROWS)
        fields: dict[str, Any] = {
            "contract": f"contracts/{self.contract}",
            "request": digest.hex()[:32] if shared else self.request.request,
            "part": part,
            "digest": digest,
            "size": len(data),
        }
        messages = [intersect_pb2.UploadRequest(**fields | changes)]
        messages += [
            intersect_pb2.UploadRequest(offset=at, chunk=data[at : at + step])
            for at in range(0, len(data), step)
        ]
        return self.client._session.call(self.stub.Upload, iter(messages)).complete

    def send(self) -> None:
        """Send context, rows and weights."""
        self.upload(self.context, intersect_pb2.PART_CONTEXT)
        if self.rows:
            self.upload(self.rows, intersect_pb2.PART_ROWS)
        self.upload(self.data, intersect_pb2.PART_WEIGHTS)

    def run(self) -> train_pb2.TrainServiceRunResponse:
        """Send the request once."""
        signed = asking.signed(self.client._session, self.request, self.nonce)
        message = train_pb2.TrainServiceRunRequest(request=signed, weights=self.part)
        return self.client._session.call(self.stub.Run, message)

    def answered(self) -> train_pb2.TrainServiceRunResponse:
        """Send the request until it is answered."""
        answer = self.run()
        while answer.job:
            self.client.job(answer.job.removeprefix("jobs/")).wait()
            answer = self.run()
        return answer

    def fetch(self) -> bytes:
        """Return what the node sends."""
        ask = intersect_pb2.FetchRequest(
            contract=f"contracts/{self.contract}",
            request=self.request.request,
            part=intersect_pb2.PART_ANSWER,
        )
        answers = self.client._session.channel.stream(self.stub.Fetch, ask, 30)
        return b"".join(answer.chunk for answer in answers)

    def forget(self, shared: bytes) -> None:
        """Have the node forget a part that serves many iterations."""
        name = self.client._session.suite.digest(shared).hex()[:32]
        ask = intersect_pb2.EndRequest(contract=f"contracts/{self.contract}", request=name)
        self.client._session.call(self.stub.End, ask)

    def gradient(self, answer: train_pb2.TrainServiceRunResponse) -> Reals:
        """Fetch what returns, check it against the release, and open it."""
        data = self.fetch()
        sent = SentGradient.decode(answer.value)
        assert sent.digest == self.client._session.suite.digest(data)
        assert sent.samples == self.clause.samples
        return self.keys.gradient(data)

    def taken(self) -> Reals:
        """Take the iteration from its first message to its gradient."""
        self.send()
        return self.gradient(self.answered())

    def clear(self, people: Sequence[Patient]) -> Reals:
        """Return the gradient over these rows in the clear, without noise."""
        task = self.clause.task()
        seen = np.array([one.seen for one in people])
        theirs = kept(seen, task.columns, task.norm)
        if task.vertical:
            values = np.concatenate([theirs, self.own], axis=1)
            return clear.gradient(values, self.labels, self.weights, task)
        labels = np.array([float(one.acute) for one in people])
        return clear.gradient(theirs, labels, self.weights, task)

    @property
    def deviation(self) -> float:
        """The standard deviation of noise on each number."""
        return self.clause.chain().deviation / float(self.clause.task().shrink)

    def check(self, found: Reals, people: Sequence[Patient]) -> None:
        """Refuse a gradient that is not that of these rows, give or take its noise."""
        wanted = self.clear(people)
        assert np.abs(found - wanted).max() < 8 * self.deviation  # once in 2^45
        assert np.abs(wanted).max() > 16 * self.deviation
        assert (found != wanted).all()
