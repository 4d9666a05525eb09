"""What lists and refusals say in few places: names that fit, and which of two reasons it is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from unseen.cli.commands.certificate import _holder, _name
from unseen.cli.main import app
from unseen.client.jobs import Job, Jobs, JobState
from unseen.evidence.contracts.contract import Period
from unseen.evidence.contracts.states import State
from unseen.node.errors import ContractNotActiveError
from unseen.node.kinds.lookup import epoch_for

KEY = "E-0hH3tMPxsdvopdRiE-U276lUx2JFTVxAYOBuFBT54"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("holder", "shown"),
    [
        (f"operator ({KEY})", "operator (E-0hH3tM)"),
        (f"this party ({KEY})", "this party (E-0hH3tM)"),
        (KEY, "E-0hH3tM"),
    ],
)
def test_a_holder_fits_into_a_list(holder: str, shown: str) -> None:
    assert _holder(cast("Any", SimpleNamespace(holder_name=holder))) == shown


@pytest.mark.parametrize(
    ("of", "name", "shown"),
    [("contract", KEY, "E-0hH3tM"), ("table", "colleges-of-2014", "colleges-of-2014")],
)
def test_a_contract_is_named_by_the_beginning_of_its_id(of: str, name: str, shown: str) -> None:
    certificate = SimpleNamespace(object=of, name=name)
    assert _name(cast("Any", SimpleNamespace(certificate=certificate))) == shown


@pytest.mark.parametrize(
    ("state", "shown"),
    [(JobState.RUNNING, "sorting: 5 of 8 (62%)"), (JobState.DONE, "-")],
)
def test_what_is_done_is_not_on_its_way(state: JobState, shown: str) -> None:
    words = dict.fromkeys(("created_at", "started_at", "ended_at", "ended_by", "cause"), "")
    job = Job(
        id="0" * 32,
        kind="build",
        state=state,
        about="epoch 1",
        contract=KEY,
        buyer="bank",
        owner="node",
        phase="sorting",
        done=5,
        total=8,
        chunk=0,
        attempts=1,
        failure="",
        result_bytes=0,
        result_until="",
        _jobs=cast("Jobs", None),
        **words,
    )
    assert job.progress == shown


@pytest.mark.parametrize(
    ("state", "ended", "said"),
    [
        (State.SUSPENDED, False, "the contract is suspended"),
        (State.ACTIVE, True, "the contract's period is not now"),
        (State.SUSPENDED, True, "the contract is suspended"),
    ],
)
def test_a_table_that_may_not_be_fetched_says_why(state: State, ended: bool, said: str) -> None:
    until = NOW if ended else NOW + timedelta(days=1)
    terms = SimpleNamespace(period=Period(start=NOW - timedelta(days=1), until=until))
    contract = SimpleNamespace(state=state, terms=terms, id=KEY)
    node: Any = SimpleNamespace(
        contracts=SimpleNamespace(get=lambda *_, **__: contract),
        clock=SimpleNamespace(now=lambda: NOW + timedelta(seconds=1)),
    )
    with pytest.raises(ContractNotActiveError) as refused:
        epoch_for(node, cast("Any", SimpleNamespace(party="bank")), KEY)
    assert str(refused.value) == said
    assert refused.value.clause == "state"


def test_a_receipt_that_is_no_file_is_not_taken_for_a_contract(tmp_path: Path) -> None:
    words = ["objection", "open", "receipts/none.receipt", "--reason", "other", "--text", "x"]
    done = CliRunner().invoke(app, [*words, "--home", str(tmp_path)])
    assert done.exit_code == 2
    assert "no file receipts/none.receipt" in done.stderr
