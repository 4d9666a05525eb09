"""The frozen bytes of rule files and templates, and of a plan that says which labels it read.

`formats_v1_rules.json` was written by `frozen` below, from fixed keys.
"""

import json
from pathlib import Path
from typing import Any

from tests.evidence.conftest import World
from tests.evidence.governance import labelled_plan, make_rules, make_template, measured_leakage

from unseen.evidence import canonical
from unseen.evidence.contracts.rules import RuleFile
from unseen.evidence.contracts.template import Template, sign_template, verify_template_approval
from unseen.evidence.log import event_leaf

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_rules.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


def frozen(world: World) -> dict[str, str]:
    rules, template = make_rules(world), make_template(world)
    fields: dict[str, Any] = {"version": rules.version, "by": "operator", "document": "A" * 43}
    leaf = event_leaf(world.suite, "rules.loaded", world.leaf().time, fields)
    return {
        "rules": rules.encode().decode(),
        "rules_digest": rules.digest().hex(),
        "rules_leaf": canonical.encode(leaf).decode(),
        "template": template.encode().decode(),
        "template_id": template.id().hex(),
        "template_approval": sign_template(world.operator, template),
        "template_approval_approver": sign_template(world.stranger, template),
        "plan": labelled_plan(world).encode().decode(),
        "leakage": measured_leakage(world).encode().decode(),
    }


def test_every_format_is_what_it_was(world: World) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_the_frozen_documents_are_read_and_verify(world: World) -> None:
    vector = VECTORS[world.suite.id]
    rules = RuleFile.from_json(canonical.decode(vector["rules"].encode()))
    assert rules.digest().hex() == vector["rules_digest"]
    template = Template.decode(vector["template"].encode())
    assert template.id().hex() == vector["template_id"]
    operator, approver = world.operator.public_key, world.stranger.public_key
    verify_template_approval(vector["template_approval"], template, "operator", operator)
    verify_template_approval(vector["template_approval_approver"], template, "approver", approver)
