"""The files of an export: written, read back, and read in one way or not at all."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from unseen.client.exported import Folder, open_export
from unseen.evidence import canonical
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    CONTRACTS,
    DOCUMENTS,
    FRAME,
    LEAVES_PER_FILE,
    ContractRecord,
    Document,
    Export,
    Frame,
    checkpoint_line,
    contract_line,
    document_line,
    entry_line,
    frame_bytes,
    leaves_file,
    parse_contract,
)
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.errors import EvidenceError, ExportInvalidError
from unseen.evidence.log import encode_leaf, event_leaf
from unseen.protocols.tlog.tree import leaf_hash

NOW = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
TEXTS = ("one", "two", "three")


class Memory(dict[str, bytes]):
    """The files of an export in memory."""

    def has(self, name: str) -> bool:
        return name in self

    def lines(self, name: str) -> Iterator[bytes]:
        return iter(self[name].splitlines(keepends=True))


def record(world: Any, index: int = 0, **changes: Any) -> ContractRecord:
    terms = world.terms(**changes)
    approvals = {"operator": sign_terms(world.operator, terms)}
    return ContractRecord(index, terms, world.plan(), world.leakage(), approvals)


def make(world: Any) -> Memory:
    suite = world.suite
    started = encode_leaf(event_leaf(suite, "node.started", NOW, {"version": "1"}))
    bodies = [started, encode_leaf(world.leaf().to_json()), None]
    lines = [
        entry_line(index, leaf_hash(body or b"hidden", suite.hash), body)
        for index, body in enumerate(bodies)
    ]
    records = [record(world), record(world, 1, nonce=bytes(16))]
    return Memory(
        {
            FRAME: frame_bytes(Frame(suite.id, world.origin, 3, (2, 3), 2, len(TEXTS))),
            CHECKPOINTS: checkpoint_line(2, "a\n") + checkpoint_line(3, "b\n"),
            CONTRACTS: b"".join(map(contract_line, records)),
            DOCUMENTS: b"".join(
                document_line(suite, index, f"kind-{text}", text)
                for index, text in enumerate(TEXTS)
            ),
            leaves_file(0): b"".join(lines),
        }
    )


@pytest.fixture
def files(world: Any) -> Memory:
    return make(world)


def test_an_export_is_read_back(world: Any, files: Memory) -> None:
    export = Export(files)
    assert (export.suite, export.frame.size, export.frame.origin) == (world.suite, 3, world.origin)
    assert list(export.checkpoints()) == [(2, "a\n"), (3, "b\n")]
    assert [entry.leaf is None for entry in export.entries()] == [False, False, True]
    assert [(index, leaf["type"]) for index, leaf in export.leaves()] == [
        (0, "node.started"),
        (1, "release"),
    ]
    own = record(world)
    assert [found.index for found in export.contracts()] == [0, 1]
    assert export.contract(own.id) == own
    assert {d.body for d in export.documents()} == set(TEXTS)
    (two,) = export.documents("kind-two")
    assert export.document(two.id) == two == Document(1, world.hash("two"), "kind-two", "two")


def test_releases_are_found_by_their_contract(world: Any, files: Memory) -> None:
    export, leaf = Export(files), world.leaf()
    assert list(export.releases()) == [(1, leaf)]
    assert list(export.releases(leaf.request.contract)) == [(1, leaf)]
    assert list(export.releases(world.hash("another"))) == []
    # The plan's hash stands in the release too, and is no contract.
    assert list(export.releases(leaf.plan)) == []


def test_an_export_is_read_from_a_folder(files: Memory, tmp_path: Any) -> None:
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    export = open_export(tmp_path)
    assert list(export.entries()) == list(Export(files).entries())
    assert not Folder(tmp_path).has("log")
    with pytest.raises(ExportInvalidError, match="no export"):
        open_export(tmp_path / "log")


def test_what_is_not_there_is_said(world: Any, files: Memory) -> None:
    export = Export(files)
    for missing in (export.contract, export.document):
        with pytest.raises(ExportInvalidError) as caught:
            missing(bytes(32))
        assert caught.value.clause
        assert caught.value.remedy


def _read_all(files: Memory) -> None:
    export = Export(files)
    for each in (export.checkpoints(), export.leaves(), export.contracts(), export.documents()):
        list(each)


@pytest.mark.parametrize("name", [FRAME, CHECKPOINTS, CONTRACTS, DOCUMENTS, leaves_file(0)])
@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data + data.splitlines(keepends=True)[0],
        lambda data: b"x" + data,
        lambda data: data.replace(b'"', b'" ', 1),
        lambda data: data.replace(b"{", b'{"a":1,', 1),
        lambda data: data.replace(b"\n", b"\r\n"),
    ],
)
def test_a_line_has_one_form(files: Memory, name: str, edit: Callable[[bytes], bytes]) -> None:
    doubled = edit(files[name])
    if (name, doubled) == (CHECKPOINTS, files[name] + files[name].splitlines(keepends=True)[0]):
        return  # the order of checkpoints is for the check to see
    if name == leaves_file(0) and doubled.startswith(files[name]) and doubled[-2:] != b"\n\n":
        return  # so is that of the leaves
    files[name] = doubled
    with pytest.raises(ExportInvalidError) as caught:
        _read_all(files)
    assert caught.value.clause.startswith(name)


@pytest.mark.parametrize("name", [CHECKPOINTS, CONTRACTS, DOCUMENTS, leaves_file(0), FRAME])
def test_a_missing_file_is_named(files: Memory, name: str) -> None:
    del files[name]
    with pytest.raises(ExportInvalidError) as caught:
        _read_all(files)
    assert caught.value.clause == name


def test_a_checkpoint_is_a_size_and_a_text(files: Memory) -> None:
    for line in (b'{"note":1,"size":2}\n', b'{"note":"x","size":-1}\n'):
        files[CHECKPOINTS] = line
        with pytest.raises(ExportInvalidError):
            list(Export(files).checkpoints())


def test_a_line_too_long_is_refused(files: Memory) -> None:
    files[DOCUMENTS] = b"x" * (canonical.MAX_BYTES + 2) + b"\n"
    with pytest.raises(ExportInvalidError, match="too long"):
        list(Export(files).documents())


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": 4},
        {"checkpoints": ()},
        {"checkpoints": (3, 3)},
        {"checkpoints": (-1, 3)},
        {"checkpoints": tuple(range(65))},
        {"contracts": True},
        {"documents": -1},
        {"origin": "a b"},
        {"suite": "sm"},
    ],
)
def test_a_frame_that_says_nonsense_is_refused(world: Any, change: dict[str, Any]) -> None:
    fields = {
        "suite": world.suite.id,
        "origin": world.origin,
        "size": 3,
        "checkpoints": (1, 3),
        "contracts": 0,
        "documents": 0,
    }
    with pytest.raises(EvidenceError):
        Frame(**fields | change)


def _edited(world: Any, **changes: Any) -> bytes:
    return canonical.encode(record(world).to_json() | changes)


def test_a_contract_belongs_together(world: Any) -> None:
    assert parse_contract(_edited(world)) == record(world)
    other = {"dummy": "intl", "intl": "dummy"}[world.suite.id]
    wrongs: tuple[dict[str, Any], ...] = (
        {"plan": world.plan(retention="none").to_json()},
        {"leakage": world.leakage(ciphertext_leaves=False).to_json()},
        {"approvals": []},
        {"approvals": {"operator": 1}},
        {"approvals": {" ": "x"}},
        {"suite": other},
        {"more": 1},
        {"index": -1},
    )
    for wrong in wrongs:
        with pytest.raises(EvidenceError):
            parse_contract(_edited(world, **wrong))
    with pytest.raises(ExportInvalidError, match="order"):
        parse_contract(_edited(world), 0)


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"index": True},
        {"body": "four"},
        {"id": "AA"},
        {"kind": "a b"},
        {"body": 1},
        {"suite": 1},
        {"type": "x"},
    ],
)
def test_a_document_is_named_by_its_hash(files: Memory, change: dict[str, Any]) -> None:
    first, *rest = files[DOCUMENTS].splitlines(keepends=True)
    body = canonical.decode(first[:-1])
    assert isinstance(body, dict)
    files[DOCUMENTS] = b"".join([canonical.encode(body | change) + b"\n", *rest])
    with pytest.raises(ExportInvalidError) as caught:
        list(Export(files).documents())
    assert caught.value.clause == f"{DOCUMENTS}:1"


def test_leaves_go_on_in_the_next_file(world: Any, files: Memory) -> None:
    size = LEAVES_PER_FILE + 1
    files[FRAME] = frame_bytes(Frame(world.suite.id, world.origin, size, (size,), 2, 3))
    line = [entry_line(index, bytes(32), None) for index in range(size)]
    files[leaves_file(0)] = b"".join(line[:-1])
    files[leaves_file(1)] = line[-1]
    assert [entry.index for entry in Export(files).entries()] == list(range(size))
    files[leaves_file(1)] = b""
    assert len(list(Export(files).entries())) == size - 1
