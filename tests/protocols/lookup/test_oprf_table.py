"""The labelled table: frozen bytes, lookups of every kind, and tables that are not in order."""

import hashlib
import json
import mmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    DuplicateSubjectError,
    InputInvalidError,
    MalformedMessageError,
    ProofInvalidError,
)
from unseen.protocols.lookup import oprf_table
from unseen.protocols.lookup.oprf_table import Absent, Found, TableParameters
from unseen.protocols.oprf import keys
from unseen.protocols.testing import check_table, drive_lookup, seeded_rng

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/lookup/oprf_table_v1.json").read_text())
KEY = keys.PrivateKey.from_scalar(bytes.fromhex(VECTORS["private_key"]))
DOMAIN = bytes.fromhex(VECTORS["domain"])
NONCE = bytes.fromhex(VECTORS["nonce"])
PARAMETERS = TableParameters(DOMAIN, NONCE, 8)
SIZE = PARAMETERS.row_bytes


def output_of(number: int) -> bytes:
    """Stand in for an OPRF output: to the table they are 64 uniform bytes."""
    return hashlib.sha512(number.to_bytes(8, "big")).digest()


def label_of(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8, "big")).digest()[:8]


def table_of(numbers: list[int], parameters: TableParameters = PARAMETERS) -> bytes:
    rows = [oprf_table.seal_row(parameters, output_of(n), label_of(n)) for n in numbers]
    return oprf_table.sort_rows(parameters, b"".join(rows))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: f"label-{c['label_bytes']}")
def test_matches_vector(case: dict[str, Any]) -> None:
    parameters = TableParameters(DOMAIN, NONCE, case["label_bytes"])
    items = [{name: bytes.fromhex(text) for name, text in item.items()} for item in case["items"]]
    pairs = [(item["subject"], item["label"]) for item in items]
    table = oprf_table.build(parameters, KEY, pairs)
    assert table.hex() == case["table"]
    assert parameters.row_bytes == 16 + case["label_bytes"]
    for item in items:
        assert oprf_table.seal_row(parameters, item["output"], item["label"]) == item["row"]
        found = oprf_table.find(parameters, table, item["output"])
        assert isinstance(found, Found)
        assert found.row == item["row"]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 200), max_size=40), st.sets(st.integers(201, 400), max_size=10))
def test_finds_exactly_what_is_in_it(present: set[int], absent: set[int]) -> None:
    table = table_of(sorted(present))
    labels = {output_of(n): label_of(n) for n in present}
    check_table(PARAMETERS, table, labels, [output_of(n) for n in absent])
    check_table(PARAMETERS, memoryview(table), labels, [output_of(n) for n in absent])


def test_finds_in_a_mapped_file(tmp_path: Path) -> None:
    table = table_of(list(range(100)))
    path = tmp_path / "table"
    path.write_bytes(table)
    labels = {output_of(n): label_of(n) for n in range(100)}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        check_table(PARAMETERS, mapped, labels, [output_of(n) for n in range(100, 120)])


def test_absence_names_the_neighbours_at_both_ends_and_between() -> None:
    numbers = sorted(range(9), key=lambda n: oprf_table.row_tag(PARAMETERS, output_of(n)))
    inner = table_of(numbers[1:-1])
    ends = [oprf_table.find(PARAMETERS, inner, output_of(n)) for n in (numbers[0], numbers[-1])]
    assert ends == [Absent(None, 0), Absent(6, None)]
    gapped = table_of([*numbers[:4], *numbers[5:]])
    assert oprf_table.find(PARAMETERS, gapped, output_of(numbers[4])) == Absent(3, 4)
    assert oprf_table.find(PARAMETERS, b"", output_of(0)) == Absent(None, None)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_the_table_does_not_depend_on_the_order_of_the_records(order: list[int]) -> None:
    assert table_of(order) == table_of(list(range(12)))


def test_a_row_opens_for_its_subject_alone() -> None:
    row = oprf_table.seal_row(PARAMETERS, output_of(1), label_of(1))
    assert oprf_table.open_row(PARAMETERS, output_of(1), row) == label_of(1)
    others = [row[:-1], row + b"\x00", b"", bytes([row[0] ^ 1]) + row[1:]]
    for other in others:
        with pytest.raises(ProofInvalidError):
            oprf_table.open_row(PARAMETERS, output_of(1), other)
    with pytest.raises(ProofInvalidError):
        oprf_table.open_row(PARAMETERS, output_of(2), row)


def test_another_nonce_or_domain_changes_tag_and_pad() -> None:
    row = oprf_table.seal_row(PARAMETERS, output_of(1), bytes(8))
    for domain, nonce in [(DOMAIN, bytes(32)), (DOMAIN[:-1] + b"\x08", NONCE)]:
        other = oprf_table.seal_row(TableParameters(domain, nonce, 8), output_of(1), bytes(8))
        assert row[:16] != other[:16]
        assert row[16:] != other[16:]


def test_domain_and_nonce_do_not_run_into_each_other() -> None:
    one = TableParameters(b"d" + NONCE[:1], NONCE[1:] + b"n", 8)
    other = TableParameters(b"d", NONCE, 8)
    assert oprf_table.row_tag(one, output_of(1)) != oprf_table.row_tag(
        other, b"n" + output_of(1)[1:]
    )


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_duplicates_are_counted(copies: int) -> None:
    rows = [oprf_table.seal_row(PARAMETERS, output_of(n), label_of(n)) for n in range(4)]
    # The same subject with another label: the rows differ, their tags do not.
    rows += [oprf_table.seal_row(PARAMETERS, output_of(1), bytes([i] * 8)) for i in range(copies)]
    with pytest.raises(DuplicateSubjectError) as caught:
        oprf_table.sort_rows(PARAMETERS, b"".join(rows))
    assert caught.value.count == copies


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=20))
def test_order_is_checked_over_chunks_of_any_size(sizes: list[int]) -> None:
    table = table_of(list(range(20)))
    chunks, start = [], 0
    for size in [*sizes, len(table)]:
        chunks.append(table[start : start + size])
        start += size
    assert oprf_table.check_order(PARAMETERS, chunks) == 20


@pytest.mark.parametrize("where", [0, 5, 18])
def test_rows_out_of_order_or_repeated_are_refused(where: int) -> None:
    table = table_of(list(range(20)))
    rows = [table[i : i + SIZE] for i in range(0, len(table), SIZE)]
    swapped = [*rows[:where], rows[where + 1], rows[where], *rows[where + 2 :]]
    repeated = [*rows[: where + 1], rows[where][:16] + bytes(8), *rows[where + 1 :]]
    for wrong in (swapped, repeated):
        with pytest.raises(MalformedMessageError):
            oprf_table.check_order(PARAMETERS, wrong)


def test_a_table_that_ends_inside_a_row_is_refused() -> None:
    table = table_of(list(range(3)))[:-1]
    with pytest.raises(MalformedMessageError):
        oprf_table.check_order(PARAMETERS, [table])
    with pytest.raises(MalformedMessageError):
        oprf_table.find(PARAMETERS, table, output_of(1))
    with pytest.raises(MalformedMessageError):
        oprf_table.sort_rows(PARAMETERS, table)


def test_an_empty_table_is_in_order() -> None:
    assert oprf_table.check_order(PARAMETERS, []) == 0
    assert oprf_table.build(PARAMETERS, KEY, []) == b""


@pytest.mark.parametrize("size", [0, 63, 65])
def test_outputs_have_64_bytes(size: int) -> None:
    for call in (
        lambda: oprf_table.row_tag(PARAMETERS, bytes(size)),
        lambda: oprf_table.seal_row(PARAMETERS, bytes(size), bytes(8)),
        lambda: oprf_table.find(PARAMETERS, b"", bytes(size)),
    ):
        with pytest.raises(InputInvalidError):
            call()


@pytest.mark.parametrize("size", [0, 7, 9])
def test_labels_have_the_size_of_the_table(size: int) -> None:
    with pytest.raises(InputInvalidError):
        oprf_table.seal_row(PARAMETERS, output_of(1), bytes(size))


@pytest.mark.parametrize(
    ("domain", "nonce", "label_bytes"),
    [
        (b"", NONCE, 8),
        (bytes(256), NONCE, 8),
        (DOMAIN, NONCE[:31], 8),
        (DOMAIN, NONCE + b"\x00", 8),
        (DOMAIN, NONCE, 0),
        (DOMAIN, NONCE, 2),
        (DOMAIN, NONCE, 64),
    ],
)
def test_parameters_out_of_range(domain: bytes, nonce: bytes, label_bytes: int) -> None:
    with pytest.raises(InputInvalidError):
        TableParameters(domain, nonce, label_bytes)


@pytest.mark.parametrize(
    ("contract", "epoch"), [(bytes(31), 0), (bytes(33), 0), (bytes(32), -1), (bytes(32), 2**64)]
)
def test_domains_out_of_range(contract: bytes, epoch: int) -> None:
    with pytest.raises(InputInvalidError):
        oprf_table.epoch_domain(contract, epoch)


def test_epochs_and_contracts_have_their_own_domains() -> None:
    domains = {
        oprf_table.epoch_domain(contract, epoch)
        for contract in (bytes(32), b"\x01" * 32)
        for epoch in (0, 1, 2**64 - 1)
    }
    assert len(domains) == 6


def test_a_whole_lookup_between_two_parties() -> None:
    items = [(b"subject %d" % n, label_of(n)) for n in range(6)]
    asked = [b"subject 4", b"nobody", b"subject 0"]
    labels, transcript = drive_lookup(PARAMETERS, KEY, items, asked, seeded_rng(1))
    assert labels == (label_of(4), None, label_of(0))
    assert transcript.bytes_from("buyer") == 3 * 32
    assert transcript.bytes_from("operator") == 6 * SIZE + 3 * 32 + 64
    assert transcript.rounds == 2


def test_found_does_not_show_its_row() -> None:
    assert repr(Found(3, b"row")) == "Found(index=3)"
