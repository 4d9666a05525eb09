"""Templates in a home: what was checked is kept, and nothing else."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from unseen.client.agreements.templates import TemplateCard, Templates, shipped_text
from unseen.client.errors import AnswerInvalidError
from unseen.client.local.home import Home
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.template_file import parse_template

KEY = "A" * 43
TEMPLATE = parse_template(
    shipped_text("licence-check"),
    suite="intl",
    operator=KEY,
    approver="",
    start=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
)


def card(template: Any) -> TemplateCard:
    return TemplateCard(b64encode(template.id()), template, {}, "in force", "")


def test_a_wrong_answer_is_not_kept_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        session: Any = SimpleNamespace(home=home, channel=SimpleNamespace(grpc=channel))
        templates = Templates(session)
    answers = iter([card(replace(TEMPLATE, title="Another")), card(TEMPLATE)])
    monkeypatch.setattr(Templates, "get", lambda self, name: next(answers))
    with pytest.raises(AnswerInvalidError):
        templates.document(TEMPLATE.id())
    assert not home.template(b64encode(TEMPLATE.id())).exists()
    assert templates.document(TEMPLATE.id()) == TEMPLATE
    assert home.template(b64encode(TEMPLATE.id())).read_bytes() == TEMPLATE.encode()
