"""A whole lookup at a table that stays with its owner: what `conftest.Lookup` is for one sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.evidence.commitment import commit
from unseen.evidence.oversight.hidden_answer import Answered
from unseen.evidence.oversight.opening import make_opening, prove_rows
from unseen.evidence.releases.answers import (
    Answers,
    sign_answers,
    tree_of_answer,
    tree_of_hashes,
)
from unseen.evidence.releases.manifest import Manifest, sign_manifest
from unseen.evidence.suite import Suite
from unseen.protocols.lookup.lwe_pir import client, filters, hints, server
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.lwe_pir.seeds import Seeded
from unseen.protocols.lookup.oprf_table import pack_verdicts
from unseen.protocols.lookup.subject import encode_subject, parse_value
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.server import evaluate, evaluate_inputs
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog import Tree, leaf_hash

SHAPE = Shape(3, 1024, 1)
PEOPLE = (("Ada", "1815-12-10"), ("Bao", "1990-01-31"), ("陈", "2001-02-03"), ("Dai", "1970-01-01"))
VERDICTS = ((True, False), (None, True), (False, False), (True, None))
STRANGERS = (("Eve", "1999-09-09"), ("Fu", "1988-08-08"))


@dataclass
class Steps:
    """What a misbehaving node does: the name in its matrix, and what it adds to the rows late."""

    provider: bytes = b""
    spoiled: int = 0


class HiddenLookup:
    """Table, hint, one batch, what was answered and signed, and openings of it."""

    def __init__(self, world: Any, steps: Steps | None = None, label: bytes | None = None) -> None:
        self.world, self.rng, self.steps = world, seeded_rng(7), steps or Steps()
        self.key = keys.generate(seeded_rng(1))
        self.plan = world.plan(protocol="lwe_pir")
        self.terms = world.terms(protocol="lwe_pir", plan=self.plan.digest(world.suite))
        self.provider = self.steps.provider or world.node.public_key
        fields: dict[str, Any] = {"contract": self.terms.id(), "protocol": "lwe_pir"}
        fields |= {"width": SHAPE.width, "row_bytes": SHAPE.hint_row_bytes}
        bare = world.manifest(**fields, rows=SHAPE.blocks, root=world.hash("r"))
        self.domain = bare.domain()
        labels = [pack_verdicts(verdicts, 1) for verdicts in VERDICTS]
        if label is not None:
            labels[0] = label
        outputs = evaluate_inputs(self.key, [self.subject(each) for each in PEOPLE], Mode.VOPRF)
        parts: list[list[tuple[bytes, bytes]]] = [[] for _ in range(SHAPE.blocks)]
        for output, one in zip(outputs, labels, strict=True):
            parts[filters.block_of(SHAPE, self.domain, output)].append((output, one))
        self.blocks = [server.build_block(SHAPE, self.domain, part, self.rng) for part in parts]
        self.rows = server.joined(SHAPE, self.blocks)
        self.table = self._hint(world.suite)
        tree, size = Tree(world.suite.hash), SHAPE.hint_row_bytes
        for start in range(0, len(self.table), size):
            tree.append(leaf_hash(self.table[start : start + size], world.suite.hash))
        digest = world.suite.digest(self.table)
        self.manifest: Manifest = world.manifest(
            **fields, rows=SHAPE.blocks, root=tree.root(), digest=digest
        )

    def subject(self, person: tuple[str, str]) -> bytes:
        pairs = zip(self.world.columns, person, strict=True)
        values = [parse_value(column, text) for column, text in pairs]
        return encode_subject(self.world.columns, values, self.domain)

    def _hint(self, suite: Suite) -> bytes:
        hint, size = server.hint(Public.of(self.provider, SHAPE), self.rows), SHAPE.cell_bytes
        found = []
        for number, block in enumerate(self.blocks):
            part = slice(number * size, (number + 1) * size)
            digest = suite.digest(self.rows[part].tobytes())
            row = hints.HintRow(block.nonce, digest, hint[part])
            found.append(hints.encode_row(SHAPE, row))
        return b"".join(found)

    def ask(self, people: Sequence[tuple[str, str]], position: int, **changes: Any) -> Any:
        """Ask about `people` in one batch and return the opening of the one at `position`.

        `said` among the changes alters what the node signs of its answers.
        """
        world, suite = self.world, self.world.suite
        said = changes.pop("said", {})
        blinded = blind([self.subject(person) for person in people], Mode.VOPRF, self.rng)
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
        token, answered = self._answered(outputs, request.request, position, said)
        announcement = world.announce(self.manifest)
        leaf = world.leaf(request, release=release, plan=self.plan.digest(suite))
        fields: dict[str, Any] = {
            "receipt": world.receipt(leaf),
            "terms": self.terms,
            "manifest": sign_manifest(world.node, self.manifest),
            "announcement": announcement,
            "subject": people[position],
            "position": position,
            "blind": blinded.blinds[position],
            "blinded": blinded.elements,
            "evaluated": reply.elements,
            "dleq": reply.proof,
            "request_nonce": nonces[0],
            "release_nonce": nonces[1],
            "rows": prove_rows(self.manifest, self.table, outputs[position]),
            "answers": token,
            "answered": answered,
        }
        return make_opening(**fields | changes)

    def _answered(
        self, outputs: Sequence[bytes], request: str, position: int, said: dict[str, Any]
    ) -> tuple[str, Answered]:
        suite = self.world.suite
        seeds = [self.rng(32) for _ in outputs]
        prepared = client.prepare_each(
            Public.of(self.world.node.public_key, SHAPE), [Seeded(seed) for seed in seeds]
        )
        keyed = []
        for output in outputs:
            block = filters.block_of(SHAPE, self.domain, output)
            nonce = self.blocks[block].nonce
            keyed.append((block, filters.keyed(SHAPE, self.domain, nonce, output)))
        queries, asked = client.query(SHAPE, prepared, keyed)
        rows = self.rows + np.int8(self.steps.spoiled)
        answers = [each.astype("<u2").tobytes() for each in server.answer(rows, queries)]
        hashes = [suite.digest(client.write_query(query)) for query in queries]
        trees = [tree_of_answer(suite, SHAPE, answer) for answer in answers]
        asked_tree = tree_of_hashes(suite, hashes)
        answer_tree = tree_of_hashes(suite, (tree.root() for tree in trees))
        fields: dict[str, Any] = {
            "suite": suite.id,
            "contract": self.terms.id(),
            "epoch": 1,
            "manifest": self.manifest.id(),
            "request": request,
            "count": len(outputs),
            "queries": asked_tree.root(),
            "answers": answer_tree.root(),
            "time": self.manifest.snapshot_at,
        }
        signer = said.pop("signer", self.world.node)
        token = sign_answers(signer, Answers(**fields | said))
        block, size = asked[position].block, SHAPE.part_bytes
        shown = Answered(
            seed=seeds[position],
            query=tuple(asked_tree.inclusion_proof(position)),
            part=answers[position][block * size : (block + 1) * size],
            block=tuple(trees[position].inclusion_proof(block)),
            answer=trees[position].root(),
            path=tuple(answer_tree.inclusion_proof(position)),
        )
        return token, shown
