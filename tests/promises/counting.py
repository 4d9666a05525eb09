"""A table of people who do not exist, a menu over it, and contracts that let it be asked about."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import duckdb
from tests.promises.stage import Stage, now

from unseen.client import Client
from unseen.client.catalog import Prices
from unseen.client.statistics import Statistics
from unseen.evidence.canonical import b64decode
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.releases.request import Request, sign_request
from unseen.v1 import request_pb2, statistics_pb2, statistics_pb2_grpc

TABLE, PRODUCT = "residents", "residents-counted"
DELTA = "0.000001"
REGIONS = ("north", "south", "west", "islet")
ISLET = 3  # people of the last region: too few to be shown
ROWS = 600
ENTRIES = ("region", "age", "cost", "visits", "adult")
MENU = f"""
delta = "{DELTA}"

[[dimension]]
name = "region"
text = "Region"
column = "region"
values = ["north", "south", "west", "islet"]

[[dimension]]
name = "age"
text = "Age in years"
column = "age"
edges = [0, 18, 40, 65, 120]

[[measure]]
name = "cost"
text = "Cost of a year"
column = "cost"
unit = "CNY"
decimals = 2
low = 0
high = 1000.00
edges = [0, 100, 250, 500, 1000.01]

[[measure]]
name = "visits"
text = "Visits"
column = "visits"
low = 0
high = 20

[[filter]]
name = "adult"
text = "18 or older"
expression = "age >= 18"

[partition]
by = ["region"]
measures = ["cost"]
"""


@dataclass(frozen=True)
class Resident:
    """A row of the table."""

    id: str
    region: str
    age: int
    cost: float
    visits: int


def make_residents(seed: int = 11) -> list[Resident]:
    """Return people drawn from a seed, each with a name nobody can guess."""
    chance = Random(seed)
    return [
        Resident(
            id=secrets.token_hex(16),
            region=REGIONS[3] if number < ISLET else REGIONS[number % 3],
            age=chance.randrange(100),
            cost=round(chance.uniform(0, 900), 2),
            visits=chance.randrange(15),
        )
        for number in range(ROWS)
    ]


def write_residents(stage: Stage, residents: Sequence[Resident]) -> str:
    """Write the rows as Parquet into the stage's folder; return the file's path."""
    path = stage.root / f"{TABLE}.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE r (id VARCHAR, region VARCHAR, age INTEGER, cost DOUBLE, visits INTEGER)"
        )
        connection.executemany(
            "INSERT INTO r VALUES (?, ?, ?, ?, ?)",
            [(r.id, r.region, r.age, r.cost, r.visits) for r in residents],
        )
        connection.execute(f"COPY r TO '{path}' (FORMAT parquet)")
    return str(path)


@dataclass
class Counting:
    """A serving stage with the table, its product, and a budget if `epsilon` says one."""

    stage: Stage
    residents: list[Resident]

    @classmethod
    def on(cls, stage: Stage, epsilon: str = "50") -> "Counting":
        """Register and offer everything on a serving stage."""
        residents = make_residents()
        stage.register(TABLE, write_residents(stage, residents), "id")
        stage.operator.register_product(
            PRODUCT,
            table=TABLE,
            kind="statistics",
            title="Residents, counted",
            predicates=parse_definition(MENU.encode()),
            prices=Prices("CNY", 1_000_000, 500_000),
        )
        if epsilon:
            stage.operator.set_privacy_budget(TABLE, epsilon=epsilon, delta=DELTA)
        return cls(stage, residents)

    def propose(self, buyer: str = "lender", **changes: Any) -> str:
        """Ask for a contract; neither side has signed it."""
        wish: dict[str, Any] = {
            "outputs": ENTRIES,
            "scenario": "tests",
            "units": 1000,
            "days": 1,
            "group": 5,
            "budget": "20",
        }
        return self.stage.client(buyer).request_contract(PRODUCT, **wish | changes).id

    def contract(self, buyer: str = "lender", **changes: Any) -> str:
        """Return a contract in force."""
        contract = self.propose(buyer, **changes)
        self.stage.operator.approve(contract)
        self.stage.client(buyer).sign(contract)
        return contract

    def answers(self, buyer: str = "lender", **changes: Any) -> Statistics:
        """Return what may be asked under a contract of its own."""
        return self.stage.client(buyer).statistics(self.contract(buyer, **changes))

    def spent(self) -> int:
        """Return the units of rho that the table's ledger counts as spent."""
        (ledger,) = self.stage.operator.privacy_ledgers(TABLE)
        return ledger.spent


@dataclass(frozen=True)
class Asking:
    """A request as one client signs it, over any bytes as its question."""

    client: Client
    request: Request
    question: bytes
    nonce: bytes

    @classmethod
    def of(cls, client: Client, contract: str, question: Question | bytes) -> "Asking":
        """Return a fresh request under a contract."""
        data = question.encode() if isinstance(question, Question) else question
        nonce = secrets.token_bytes(32)
        request = Request(
            suite=client._session.suite.id,
            contract=b64decode(contract),
            request=secrets.token_hex(16),
            kind="statistics",
            units=1,
            commitment=commit(client._session.suite, nonce, (data,)),
            manifest=b"",
            epoch=0,
            issued_at=now(),
        )
        return cls(client, request, data, nonce)

    def saying(self, **changed: Any) -> "Asking":
        """Return the same with other fields in its statement."""
        return replace(self, request=replace(self.request, **changed))

    def send(self) -> statistics_pb2.AskResponse:
        """Send it once. Raises what the client's channel raises."""
        session = self.client._session
        signed = request_pb2.SignedRequest(
            statement=self.request.bytes(),
            signature=sign_request(session.instance_signer, self.request),
            nonce=self.nonce,
        )
        stub = statistics_pb2_grpc.StatisticsServiceStub(session.channel.grpc)
        message = statistics_pb2.AskRequest(request=signed, question=self.question)
        return session.call(stub.Ask, message)
