"""The audit of exports: the documents that leaves name."""

from dataclasses import replace

from tests.evidence.auditing import LEAVES, Case, case, event, made, object_of

from unseen.bench.ledger import START
from unseen.evidence import canonical
from unseen.evidence.audit.export import CONTRACTS, DOCUMENTS
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.suite import INTL, signer_id
from unseen.protocols.oprf import keys
from unseen.protocols.testing import seeded_rng

__all__ = ["case"]


def test_a_document_is_named_by_its_leaf(case: Case) -> None:
    at = case.place("node.started")
    case.document(at, "note", "nobody names it")
    assert case.rules() == {(at, "export.documents")}
    case = replace(case, files=dict(made()[0]))
    name = case.document(at + 1, "note", "text")
    case.edit(at, document=name)
    assert case.rules() == {(at, "document.index")}
    case = replace(case, files=dict(made()[0]))
    case.document(at, "note", "text")
    case.edit(at, document=name)
    report = case.check()
    assert report.ok
    assert report.unverified == {"note": 1}
    assert dict(report.rows())["not verified"]
    case.edit(at, document="*")
    assert (at, "document.missing") in case.rules()


def test_a_document_is_of_the_type_that_its_leaf_wants(case: Case) -> None:
    at = case.place("instance.registered", party="rival")
    files = case.files
    lines = [object_of(line) for line in files[DOCUMENTS].splitlines()]
    for line in lines:
        if line["index"] == at:
            line["kind"] = "note"
    files[DOCUMENTS] = b"".join(canonical.encode(line) + b"\n" for line in lines)
    assert (at, "document.type") in case.rules()


def test_no_document_escapes_its_check_under_another_name(case: Case) -> None:
    """Whoever exports says of what type a document is; its leaf knows what it has to be."""
    at = len(case.log)
    root = ConsentRoot(
        suite=INTL.id,
        node=signer_id(case.ledger.log),  # another node's: a verifier would refuse it
        public_key=keys.generate(seeded_rng(1)).public_key,
        number=1,
        size=1,
        root=bytes(32),
        time=START,
    )
    name = case.document(at, "something", root.encode().decode())
    time = case.log[-1]["time"]
    leaf = event("consent.root", **root.leaf_fields()) | {"time": time}
    case.insert(at, leaf | {"document": name})
    assert case.rules() == {(at, "document.type")}
    case.edit(at, type="node.started")
    assert case.check().ok  # what no leaf of a type has to name is counted as not verified
    case.delete(at)
    case.insert(at, leaf)
    assert (at, "document.missing") in case.rules()


def test_the_counts_are_right(case: Case) -> None:
    case.frame(documents=99)
    assert case.rules() == {(LEAVES, "export.count")}
    del case.files[DOCUMENTS]
    assert "export.documents" in {rule for _, rule in case.rules()}
    del case.files[CONTRACTS]
    assert "export.contracts" in {rule for _, rule in case.rules()}
