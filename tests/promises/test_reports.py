"""The reports that an operator owes, from a real node's log."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.oversight import REGULATOR, agree, enrol, supervised
from tests.promises.stage import Stage, now
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import Client
from unseen.evidence import canonical
from unseen.evidence.errors import ReportInvalidError
from unseen.evidence.reports.disclosure import verify_disclosure
from unseen.evidence.reports.personal import verify_personal_audit

runner = CliRunner()


@pytest.fixture(scope="module")
def lived(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with supervised(template, tmp_path_factory.mktemp("reports") / "stage") as stage:
        hidden, clear = agree(stage), stage.contract("clear", buyer="rival")
        stage.lender.lookup_many(hidden, [person.subject for person in stage.people[:25]])
        requests = [
            stage.rival.verify(clear, person.subject).request_id for person in stage.people[:12]
        ]
        request = stage.lender.lookup(hidden, stage.people[30].subject).request_id
        order = stage.client(REGULATOR).order_openings(hidden, reason="test", requests=[request])
        stage.lender.answer_order(order.id)
        stage.rival.open_objection("other", "why", request=requests[0])
        yield stage


def run(stage: Stage, party: str, *arguments: str) -> Any:
    home = str(stage.party_home(party))
    return runner.invoke(app, ["audit", *arguments, "--home", home])


def test_the_operator_signs_what_an_auditor_computes(lived: Stage, tmp_path: Path) -> None:
    folder, year = tmp_path / "export", now().year
    lived.operator.parties()
    lived.operator.export(folder)
    card = lived.operator.disclosure(year, export=folder)
    operator = lived.operator.profile
    assert verify_disclosure(card.token, operator.suite, operator.key) == card.body
    auditor = enrol(lived, "auditor", "auditor")
    auditor.home.trust.write_bytes(lived.operator.home.trust.read_bytes())
    with Client(auditor.home.root) as again:
        same = again.disclosure(year, export=folder)
    assert (same.encode(), same.token) == (card.encode(), "")
    lines = {line["kind"]: line for line in json.loads(card.encode())["lines"]}
    assert (lines["lookup"]["units"], lines["lookup"]["requests"]) == (20, None)
    assert (lines["verify"]["units"], lines["verify"]["requests"]) == (10, 10)
    start, until = (
        dt.datetime(year, 1, 1, tzinfo=dt.UTC),
        dt.datetime(year + 1, 1, 1, tzinfo=dt.UTC),
    )
    personal = lived.operator.personal_audit(start, until, export=folder)
    body = verify_personal_audit(personal.token, operator.suite, operator.key)
    assert body == personal.body
    found = json.loads(personal.encode())
    assert found["openings"]["opened"] == 1
    assert found["objections"]["reasons"] == {"other": 1}


def test_an_export_that_does_not_hold_is_reported_on_by_nobody(
    lived: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    lived.operator.parties()
    lived.operator.export(folder)
    path = folder / "log" / "00000000.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"units":25', b'"units":24', 1))
    with pytest.raises(ReportInvalidError, match="does not hold"):
        lived.operator.disclosure(now().year, export=folder)
    done = run(lived, "operator", "disclosure", "--year", "2026", "--export", str(folder))
    assert done.exit_code == 5


def test_by_the_command_line(lived: Stage, tmp_path: Path) -> None:
    year, today = str(now().year), now().date()
    files = [tmp_path / f"report.{suffix}" for suffix in ("json", "jws", "md", "html")]
    written = [word for path in files for word in ("-o", str(path))]
    done = run(lived, "operator", "disclosure", "--year", year, "--lang", "zh", *written)
    assert done.exit_code == 0, done.output
    body = canonical.decode(files[0].read_bytes())
    operator = lived.operator.profile
    token = files[1].read_text().strip()
    assert verify_disclosure(token, operator.suite, operator.key) == body
    assert "年度公示" in files[2].read_text()
    assert files[3].read_text().startswith("<!doctype html>")
    tomorrow = str(today + dt.timedelta(days=1))
    done = run(lived, "operator", "personal", "--from", str(today), "--to", tomorrow)
    assert done.exit_code == 0, done.output
    assert "# Personal information: audit report" in done.stdout
    done = run(lived, "operator", "disclosure", "--year", year, "-o", str(tmp_path / "x.pdf"))
    assert done.exit_code == 2
