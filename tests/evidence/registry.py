"""Mandates, certificates and handovers in the small world of these tests."""

import dataclasses
from datetime import timedelta
from typing import Any

from tests.evidence.conftest import NOW, ORIGIN, World, make_signer

from unseen.evidence import jws
from unseen.evidence.canonical import Json
from unseen.evidence.log import encode_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.registry.certificate import (
    Certificate,
    Held,
    Rows,
    Transfer,
    issued_leaf,
    sign_certificate,
    transferred_leaf,
)
from unseen.evidence.registry.handover import Deletion, File, Handover, Item
from unseen.evidence.registry.mandate import Mandate, Withdrawal, sign_mandate
from unseen.evidence.registry.registration import Entry, make_bundle
from unseen.evidence.registry.snapshot import OpenedRow, RowsOpening, draw, row_leaf, row_salt
from unseen.evidence.suite import Signer, signer_id
from unseen.protocols.tlog.checkpoint import Checkpoint, parse_body
from unseen.protocols.tlog.note import SignedNote, sign_note
from unseen.protocols.tlog.tree import Tree, leaf_hash

SALT = bytes(range(32))
VALUES = tuple((str(number), None if number % 3 else f"{number}号") for number in range(11))


@dataclasses.dataclass
class Registry:
    """What the registry's side adds to a `World`: an authority, further holders, a successor."""

    world: World

    def __post_init__(self) -> None:
        self.authority, self.bureau, self.second, self.heir, self.successor = (
            make_signer(self.world.suite, number) for number in range(11, 16)
        )

    def mandate(self, **changes: Any) -> Mandate:
        """Return the authority's own mandate for the world's operator."""
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "grantor": signer_id(self.authority),
            "grantee": signer_id(self.world.operator),
            "tier": "primary",
            "title": "公共数据授权运营协议 2026-07",
            "tables": ("enterprises", "licences"),
            "scenarios": ("贷前核验", "benefits"),
            "kinds": ("verify", "lookup"),
            "start": NOW - timedelta(days=10),
            "until": NOW + timedelta(days=100),
            "nonce": bytes(range(16)),
        }
        return Mandate(**fields | changes)

    def nested(self, parent: str, **changes: Any) -> Mandate:
        """Return a mandate by which the operator gives a part of `parent` on."""
        fields: dict[str, Any] = {
            "grantor": signer_id(self.world.operator),
            "grantee": signer_id(self.second),
            "tier": "secondary",
            "tables": ("enterprises",),
            "scenarios": ("贷前核验",),
            "kinds": (),
            "start": NOW,
            "until": NOW + timedelta(days=50),
            "parent": jws.token_id(self.world.suite, parent),
        }
        return self.mandate(**fields | changes)

    def signed(self, **changes: Any) -> tuple[bytes, str, Mandate]:
        """Return id, token and content of the authority's own mandate."""
        mandate = self.mandate(**changes)
        token = sign_mandate(self.authority, mandate)
        return jws.token_id(self.world.suite, token), token, mandate

    def withdrawal(self) -> Withdrawal:
        return Withdrawal(
            suite=self.world.suite.id,
            mandate=self.world.hash("mandate"),
            reason="评估不合格",
            time=NOW,
        )

    def tree(self) -> Tree:
        """Return the tree over the rows of `VALUES`. The scheme knows one hash."""
        tree = Tree()
        for number, values in enumerate(VALUES):
            tree.append(row_leaf(row_salt(SALT, number), values))
        return tree

    def rows_opening(self, **changes: Any) -> RowsOpening:
        tree = self.tree()
        indices = draw(tree.root(), "a seed", len(VALUES), 4)
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "table": "enterprises",
            "version": 2,
            "snapshot": tree.root(),
            "rows": len(VALUES),
            "columns": ("id", "name"),
            "seed": "a seed",
            "opened": tuple(
                OpenedRow(
                    index,
                    row_salt(SALT, index),
                    VALUES[index],
                    tuple(tree.inclusion_proof(index)),
                )
                for index in indices
            ),
        }
        return RowsOpening(**fields | changes)

    def certificate(self, **changes: Any) -> Certificate:
        """Return the certificate of the table whose rows are `VALUES`."""
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "object": "table",
            "name": "enterprises",
            "digest": self.tree().root(),
            "holder": self.world.operator.public_key,
            "node": signer_id(self.world.node),
            "log": ORIGIN,
            "issued_at": NOW,
            "rows": Rows(
                version=2,
                count=len(VALUES),
                columns=self.world.hash("columns"),
                taken_at=NOW - timedelta(hours=1),
            ),
        }
        return Certificate(**fields | changes)

    def product(self) -> Certificate:
        """Return a certificate of a product."""
        digest = self.world.hash("product")
        return self.certificate(object="product", name="check", digest=digest, rows=None)

    def transfer(self) -> Transfer:
        return Transfer(
            suite=self.world.suite.id,
            certificate=self.world.hash("certificate"),
            previous=self.world.hash("previous"),
            holder=self.heir.public_key,
            time=NOW,
        )

    def entry(self, token: str, leaf: dict[str, Json]) -> Entry:
        """Append `leaf` to the world's log and return the entry that proves it."""
        world = self.world
        index = world.tree.append(leaf_hash(encode_leaf(leaf), world.suite.hash))
        world.tree.append(leaf_hash(b"after", world.suite.hash))
        note = world.checkpoint(world.tree.size, world.tree.root())
        proof = tuple(world.tree.inclusion_proof(index))
        logged = Headed(leaf=leaf, index=index, proof=proof, checkpoint=note)
        return Entry(token=token, logged=logged)

    def entries(self, *steps: tuple[Signer, Signer], **changes: Any) -> list[Entry]:
        """Return a certificate's entry and those of its transfers, each (from, to)."""
        certificate = self.certificate(**changes)
        token = sign_certificate(self.world.node, certificate)
        held = Held.first(token, certificate)
        found = [self.entry(token, issued_leaf(token, certificate, NOW))]
        for giver, taker in steps:
            token = held.sign_transfer(giver, taker.public_key, NOW)
            held = held.take(token)
            found.append(self.entry(token, transferred_leaf(token, held, NOW)))
        return found

    def issued(self) -> tuple[str, Certificate]:
        """Return a certificate and its token, in no log yet."""
        certificate = self.certificate()
        return sign_certificate(self.world.node, certificate), certificate

    def moved(self, entry: Entry, origin: str) -> Entry:
        """Return the entry under a head of another log that holds the same leaves."""
        world, key = self.world, self.world.log
        head = parse_body(SignedNote.parse(entry.logged.checkpoint).body)
        body = Checkpoint(origin, head.size, head.root).body()
        note = sign_note(body, origin, world.suite.note_type, key.public_key, key.sign)
        logged = dataclasses.replace(entry.logged, checkpoint=note)
        return dataclasses.replace(entry, logged=logged)

    def bundle(self, *steps: tuple[Signer, Signer], **changes: Any) -> dict[str, Any]:
        return make_bundle(self.world.suite, self.entries(*steps, **changes))

    def handover(self, **changes: Any) -> Handover:
        world = self.world
        fields: dict[str, Any] = {
            "suite": world.suite.id,
            "operator": signer_id(world.operator),
            "node": signer_id(world.node),
            "successor": signer_id(self.successor),
            "log": ORIGIN,
            "size": 7,
            "root": world.hash("root"),
            "files": (File("quota.json", world.hash("quota")),),
            "time": NOW,
        }
        return Handover(**fields | changes)

    def deletion(self, **changes: Any) -> Deletion:
        world = self.world
        fields: dict[str, Any] = {
            "suite": world.suite.id,
            "operator": signer_id(world.operator),
            "node": signer_id(world.node),
            "handover": world.hash("handover"),
            "items": (Item("epoch-key", "enterprises", 3, True), Item("source", "x", 1, False)),
            "time": NOW,
        }
        return Deletion(**fields | changes)
