"""The tables that decide: rights for every call, a row and a reason for every error."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from google.protobuf.descriptor_pool import Default
from google.rpc import error_details_pb2

import unseen.evidence
import unseen.node
import unseen.protocols
import unseen.v1
from unseen.node.errors import NodeFaultError, RefusedError
from unseen.node.identity.rights import LONG_CALLS, RIGHTS, Role
from unseen.node.server import _service_names
from unseen.node.status import ROWS, rich_status, row_for
from unseen.node.store.engine import _MIGRATIONS, VERSION
from unseen.protocols.errors import UnseenError
from unseen.v1 import reason_pb2


def modules() -> None:
    for package in (unseen.protocols, unseen.evidence, unseen.node):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def leaves(kind: type[UnseenError]) -> Iterator[type[UnseenError]]:
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from leaves(child)


def server_errors() -> list[type[UnseenError]]:
    modules()
    roots = ("unseen.protocols.", "unseen.evidence.", "unseen.node.")
    return [kind for kind in leaves(UnseenError) if kind.__module__.startswith(roots)]


def make(kind: type[UnseenError]) -> UnseenError:
    error = kind.__new__(kind)
    UnseenError.__init__(error, "what", clause="clause", remedy="remedy")
    return error


def test_every_reason_is_one_class_and_stands_on_the_wire() -> None:
    reasons = [kind.reason for kind in server_errors()]
    assert len(set(reasons)) == len(reasons)
    on_wire = {name.removeprefix("REASON_") for name in reason_pb2.Reason.keys()}  # noqa: SIM118 - no dict
    page = (Path(__file__).parents[2] / "docs/errors.md").read_text()
    last = page.partition("## Reasons that never cross the wire")[2].partition("## ")[0]
    never = set(re.findall(r"^\| `([A-Z_]+)` ", last, re.MULTILINE))
    assert never
    assert not never & on_wire
    assert set(reasons) - never == on_wire - {"UNSPECIFIED"}


@pytest.mark.parametrize("kind", server_errors(), ids=lambda kind: kind.reason)
def test_every_error_has_a_row_of_its_own_family(kind: type[UnseenError]) -> None:
    row = row_for(kind)
    base = next(base for base, found in ROWS if found is row and issubclass(kind, base))
    assert base is not UnseenError or not issubclass(kind, (RefusedError, NodeFaultError))
    status = rich_status(make(kind))
    assert status.code != 0
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert (info.reason, info.domain) == (kind.reason, "unseen")
    assert dict(info.metadata) == {
        "clause": "clause",
        "remedy": "remedy",
        "charged": row.charged,
        "retry": row.retry,
    }


@pytest.mark.parametrize("kind", server_errors(), ids=lambda kind: kind.reason)
def test_every_error_names_a_clause_and_a_remedy_on_the_wire(kind: type[UnseenError]) -> None:
    error = kind.__new__(kind)
    UnseenError.__init__(error, "what")
    info = error_details_pb2.ErrorInfo()
    assert rich_status(error).details[0].Unpack(info)
    assert info.metadata["clause"]
    assert info.metadata["remedy"]


def test_a_refusal_is_never_charged_and_only_a_lost_answer_may_be() -> None:
    told = {kind.reason: row_for(kind).charged for kind in server_errors()}
    assert {reason for reason, charged in told.items() if charged == "maybe"} == {
        "DEADLINE",
        "INTERNAL",
    }
    assert {reason for reason, charged in told.items() if charged == "yes"} == {
        "REPLY_HELD",
        "REPLY_NOT_FOUND",
    }


def test_no_row_stands_below_its_base() -> None:
    for place, (kind, _) in enumerate(ROWS):
        above = [base for base, _ in ROWS[:place]]
        assert not any(issubclass(kind, base) for base in above), kind


def test_codes_say_who_has_to_act() -> None:
    client = {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.UNIMPLEMENTED,
    }
    for kind in server_errors():
        if issubclass(kind, RefusedError):
            assert row_for(kind).code in client, kind
        if issubclass(kind, NodeFaultError):
            assert row_for(kind).code not in client, kind


def methods(service: str) -> list[str]:
    found = Default().FindServiceByName(service)
    return [f"/{service}/{method.name}" for method in found.methods]


def test_every_call_has_a_row_of_rights_and_every_row_a_call() -> None:
    every = {call for service in _service_names() for call in methods(service)}
    own = {call for call in every if call.startswith("/unseen.v1.")}
    assert own <= RIGHTS.keys()
    assert RIGHTS.keys() <= every
    denied = every - RIGHTS.keys()
    assert denied <= {"/grpc.health.v1.Health/List"}
    assert own >= LONG_CALLS
    assert all(RIGHTS.values())


def test_every_service_of_the_wire_is_served() -> None:
    declared = set()
    for found in pkgutil.iter_modules(unseen.v1.__path__):
        module = importlib.import_module(f"unseen.v1.{found.name}")
        if found.name.endswith("_pb2"):
            declared |= {s.full_name for s in module.DESCRIPTOR.services_by_name.values()}
    assert declared <= set(_service_names())


def test_an_invitee_may_enrol_and_look_but_nothing_else() -> None:
    allowed = {call for call, roles in RIGHTS.items() if Role.INVITEE in roles}
    assert allowed == {
        "/unseen.v1.NodeService/GetNode",
        "/unseen.v1.IdentityService/Enroll",
        "/grpc.health.v1.Health/Check",
    }


def test_what_costs_a_unit_is_the_buyers_alone() -> None:
    for call in ("LookupService/Evaluate", "VerifyService/Verify"):
        assert RIGHTS[f"/unseen.v1.{call}"] == {Role.BUYER}


def test_the_stated_schema_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    migrations = ScriptDirectory.from_config(config)
    assert migrations.get_heads() == [VERSION]
    for each in migrations.walk_revisions():
        assert Path(each.path).name.startswith(f"v{each.revision}_")
