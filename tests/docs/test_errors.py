"""docs/errors.md says of every reason what the code does."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import pytest

from unseen.cli.failures import exit_code
from unseen.client.errors import from_rpc_error
from unseen.node.status import rich_status, row_for
from unseen.protocols.errors import UnseenError
from unseen.v1.reason_pb2 import Reason

PAGE = (Path(__file__).parents[2] / "docs/errors.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+) \|$", re.MULTILINE)
CELLS = {name: rest.split(" | ") for name, rest in ROW.findall(PAGE)}
WIRE = {name.removeprefix("REASON_") for name in Reason.keys() if Reason.Value(name)}  # noqa: SIM118

for module in (
    "cli.failures",
    "cli.demo.checks",
    "client.errors",
    "evidence.errors",
    "node.errors",
    "sandbox.collector",
    "sandbox.errors",
):
    import_module(f"unseen.{module}")


def leaves(kind: type[UnseenError] = UnseenError) -> Iterator[type[UnseenError]]:
    children = [child for child in kind.__subclasses__() if child.__module__.startswith("unseen.")]
    if not children:
        yield kind
    for child in children:
        yield from leaves(child)


KINDS = {kind.reason: kind for kind in leaves()}


class Ended(grpc.RpcError):
    """A call that the node ended with `error`."""

    def __init__(self, error: UnseenError) -> None:
        self._error = error

    def code(self) -> grpc.StatusCode:
        return row_for(type(self._error)).code

    def details(self) -> str:
        return str(self._error)

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", rich_status(self._error).SerializeToString()),)


def made(kind: type[UnseenError]) -> UnseenError:
    error = kind.__new__(kind)
    UnseenError.__init__(error, "said")
    return error


def test_every_reason_has_one_row() -> None:
    assert len(ROW.findall(PAGE)) == len(CELLS)
    assert set(CELLS) == set(KINDS)
    assert set(KINDS) >= WIRE


def test_no_cell_is_empty() -> None:
    for reason, cells in CELLS.items():
        assert len(cells) == (7 if reason in WIRE else 3), reason
        assert all(cell.strip() for cell in cells), reason


@pytest.mark.parametrize("reason", sorted(WIRE))
def test_row_of_the_wire_is_what_the_code_does(reason: str) -> None:
    _, _, code, charged, retry, answered, found = CELLS[reason]
    error = made(KINDS[reason])
    row = row_for(type(error))
    assert (code, charged, retry) == (f"`{row.code.name}`", row.charged, row.retry)
    assert int(answered) == exit_code(from_rpc_error(Ended(error), "here"))
    assert int(found) == exit_code(error)


@pytest.mark.parametrize("reason", sorted(set(KINDS) - WIRE))
def test_row_of_a_local_reason_is_what_the_code_does(reason: str) -> None:
    assert int(CELLS[reason][2]) == exit_code(made(KINDS[reason]))
