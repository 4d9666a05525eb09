"""A whole match of tuples in a `World`: table, batch, receipt, and what opens it."""

from collections.abc import Sequence
from typing import Any

from unseen.evidence.commitment import commit
from unseen.evidence.contracts.plan import Output
from unseen.evidence.oversight.batch import make_batch_opening
from unseen.evidence.oversight.hidden import Batch, Item, Point
from unseen.evidence.oversight.opening import make_opening, prove_rows
from unseen.evidence.releases.manifest import sign_manifest
from unseen.protocols.lookup.match import encode_points, row_labels
from unseen.protocols.lookup.oprf_table import TableParameters, build, epoch_domain
from unseen.protocols.lookup.subject import SubjectColumn, parse_value
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.server import evaluate
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.tree import Tree, leaf_hash

COLUMNS = (
    SubjectColumn("name", "string", "name"),
    SubjectColumn("number", "string", "cn_id"),
    SubjectColumn("birth", "date", "date"),
)
IDS = ("number",)
LI, WANG = "11010519491231002X", "440524188001010014"
REGISTER = (("李　雷", LI, "1949-12-31"), ("Wang, Mei", WANG, "1880-01-01"))
CONSISTENT = ("李雷", LI, "1949-12-31")
OTHER_NAME = ("韩梅梅", LI, "1949-12-31")
NOBODY = ("李雷", "110105194912310038", "1949-12-31")


class Matched:
    """Asks about tuples against `REGISTER`; `labels` are put in by hand, by (columns, values)."""

    def __init__(self, world: Any, labels: dict[int, bytes] | None = None) -> None:
        self.world, self.rng = world, seeded_rng(7)
        self.plan = world.plan(
            subject_columns=COLUMNS,
            columns_read=tuple(column.name for column in COLUMNS),
            outputs=(Output(name="match", text="agrees", expression_digest=world.hash("m")),),
            match=IDS,
        )
        self.terms = world.terms(outputs=("match",), plan=self.plan.digest(world.suite))
        self.key = keys.generate(seeded_rng(1))
        domain = epoch_domain(self.terms.id(), 1)
        parameters = TableParameters(domain=domain, nonce=world.hash("nonce"), label_bytes=1)
        self.domain = domain
        rows = {
            data: label
            for person in REGISTER
            for data, label in zip(self.points(person), row_labels(IDS, (), 1), strict=True)
        }
        items = [
            (data, (labels or {}).get(place, label))
            for place, (data, label) in enumerate(rows.items())
        ]
        self.table = build(parameters, self.key, items)
        tree = Tree(world.suite.hash)
        for start in range(0, len(self.table), 17):
            tree.append(leaf_hash(self.table[start : start + 17], world.suite.hash))
        self.manifest = world.manifest(
            contract=self.terms.id(),
            rows=tree.size,
            root=tree.root(),
            digest=world.suite.digest(self.table),
            subject=COLUMNS,
            outputs=("match",),
            match=IDS,
        )

    def points(self, person: Sequence[str]) -> tuple[bytes, ...]:
        values = [parse_value(c, text) for c, text in zip(COLUMNS, person, strict=True)]
        return encode_points(COLUMNS, IDS, values, self.domain)

    def texts(self, person: Sequence[str]) -> list[str]:
        pairs = zip(COLUMNS, person, strict=True)
        return [str(parse_value(column, text)) for column, text in pairs]

    def ask(self, people: Sequence[Sequence[str]], pairs: Sequence[bytes] = ()) -> Any:
        """Ask about `people` in one batch; `pairs` are asked in place of their points."""
        world, suite = self.world, self.world.suite
        inputs = list(pairs) or [data for person in people for data in self.points(person)]
        blinded = blind(inputs, Mode.VOPRF, self.rng)
        nonces = self.rng(32), self.rng(32)
        request = world.request(
            contract=self.terms.id(),
            commitment=commit(suite, nonces[0], blinded.elements),
            manifest=self.manifest.id(),
            units=len(people),
        )
        reply = evaluate(self.key, blinded.elements, Mode.VOPRF, self.rng)
        release = commit(suite, nonces[1], (*reply.elements, reply.proof))
        outputs = blinded.finish(reply, self.key.public_key)
        rows = [prove_rows(self.manifest, self.table, output) for output in outputs]
        announcement, plan = world.announce(self.manifest), self.plan.digest(suite)
        receipt = world.receipt(world.leaf(request, release=release, plan=plan))
        self.batch = Batch(
            receipt=receipt,
            terms=self.terms,
            manifest=sign_manifest(world.node, self.manifest),
            announcement=announcement,
            blinded=tuple(blinded.elements),
            evaluated=tuple(reply.elements),
            dleq=reply.proof,
            request_nonce=nonces[0],
            release_nonce=nonces[1],
            plan=self.plan,
        )
        self.items = [
            Item(
                subject=tuple(self.texts(person)),
                position=position,
                blind=blinded.blinds[2 * position],
                rows=rows[2 * position],
                id=Point(blinded.blinds[2 * position + 1], rows[2 * position + 1]),
            )
            for position, person in enumerate(people)
        ]

    def opening(self, position: int) -> Any:
        """Return the opening of the subject at `position` of the batch asked last."""
        batch, item = self.batch, self.items[position]
        return make_opening(
            receipt=batch.receipt,
            terms=batch.terms,
            manifest=batch.manifest,
            announcement=batch.announcement,
            subject=item.subject,
            position=position,
            blind=item.blind,
            blinded=batch.blinded,
            evaluated=batch.evaluated,
            dleq=batch.dleq,
            request_nonce=batch.request_nonce,
            release_nonce=batch.release_nonce,
            rows=item.rows,
            own=item.id,
        )

    def opening_all(self) -> Any:
        """Return the opening of the whole batch."""
        return make_batch_opening(self.batch, self.items)
