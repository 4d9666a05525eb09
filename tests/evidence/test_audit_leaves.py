"""The audit reads releases in a short way, and says the same of them as in the long one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.auditing import Case, event, hidden, made

from unseen.bench.ledger import START
from unseen.evidence import canonical
from unseen.evidence.audit.export import leaves_file, parse_entry
from unseen.evidence.audit.leaves import Event, _fast, _slow, read_leaf
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import EvidenceError
from unseen.evidence.suite import INTL


def _mutants(data: bytes) -> st.SearchStrategy[bytes]:
    def change(place: int, byte: int) -> bytes:
        return data[:place] + bytes([byte]) + data[place + 1 :]

    return st.builds(change, st.integers(0, len(data) - 1), st.integers(0, 255))


@given(data=st.data())
def test_the_short_way_reads_what_the_long_way_does(data: Any) -> None:
    files, _ = made()
    lines = files[leaves_file(0)].splitlines(keepends=True)
    entry = parse_entry(data.draw(st.sampled_from([ln for ln in lines if b"release" in ln])))
    assert entry is not None
    assert entry.leaf is not None
    assert _fast(entry.leaf, INTL) == _slow(entry.leaf, INTL)
    mutant = data.draw(_mutants(entry.leaf))
    short = _fast(mutant, INTL)
    try:
        long = _slow(mutant, INTL)
    except EvidenceError:
        assert short is None
    else:
        assert short in (None, long)


OPTIONAL = {
    "since": 7,
    "review": b64encode(bytes(32)),
    "consent_root": b64encode(bytes(32)),
    "billed": 0,
}


@pytest.mark.parametrize("names", [(), *((name,) for name in OPTIONAL), tuple(OPTIONAL)])
def test_the_short_way_reads_what_may_be_left_out(names: tuple[str, ...]) -> None:
    files, _ = made()
    log = Case(dict(files), made()[1], made()[1].trust).log
    leaf = next(leaf for leaf in log if leaf["type"] == "release")
    data = canonical.encode(leaf | {name: OPTIONAL[name] for name in names})
    found = _fast(data, INTL)
    assert found == _slow(data, INTL) == read_leaf(data, INTL)
    assert found is not None
    assert found.timely


@pytest.mark.parametrize(
    "change",
    [
        {"time": "2026-02-30T00:00:00Z"},
        {"total": 0},
        {"total": 2**53},
        {"since": 2**53},
        {"since": 0},
        {"billed": 1000},
        {"plan": "x"},
    ],
)
def test_the_short_way_reads_nothing_more(change: dict[str, Any]) -> None:
    files, ledger = made()
    log = Case(dict(files), ledger, ledger.trust).log
    leaf = next(leaf for leaf in log if leaf["type"] == "release")
    data = canonical._ENCODER.encode(leaf | change).encode()
    assert _fast(data, INTL) is None
    with pytest.raises(EvidenceError):
        read_leaf(data, INTL)


@pytest.mark.parametrize(
    "change", [{"units": 1_000_001}, {"epoch": 0}, {"epoch": 2**53}, {"manifest": ""}]
)
def test_the_short_way_reads_no_other_request(change: dict[str, Any]) -> None:
    files, ledger = made()
    case = Case(dict(files), ledger, ledger.trust)
    leaf = case.log[hidden(case)]
    request = leaf["request"] | change
    total = max(leaf["total"], request["units"])
    data = canonical._ENCODER.encode(leaf | {"request": request, "total": total}).encode()
    assert _fast(data, INTL) is None
    with pytest.raises(EvidenceError):
        read_leaf(data, INTL)


def test_other_leaves_are_events() -> None:
    leaf = event("node.started", version="1")
    found = read_leaf(canonical.encode(leaf), INTL)
    assert found == Event("node.started", START, {"version": "1"})
