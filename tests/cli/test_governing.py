"""Rules, labels, templates and explanations by the command line."""

import json
from pathlib import Path

import pytest
from tests.cli.test_walk import Walk, walk

from unseen.client.agreements.templates import shipped

__all__ = ["walk"]


@pytest.fixture(scope="module")
def offered(walk: Walk) -> Walk:
    """Return a node with a table, a product, a buyer, a holder and a second approver."""
    table = walk.folder / "shops.csv"
    table.write_text("shop,staff\n" + "".join(f"{n},{n * 10}\n" for n in range(50)))
    for name, role in (("bank", "buyer"), ("registry", "holder"), ("ministry", "approver")):
        invitation = walk.folder / f"{name}.json"
        walk.json(walk.node, "node", "invite", name, "--role", role, "-o", str(invitation))
        walk.json(walk.folder / name, "join", str(invitation))
    added = walk.json(
        walk.node,
        *("table", "add", "shops", str(table), "--subject", "shop"),
        *("--label", "*=enterprise:1", "--holder", "registry"),
    )
    assert added["holder"] == "registry"
    walk.json(
        walk.node,
        *("product", "add", "shops", "--table", "shops", "--kind", "verify", "--title", "Shops"),
        *("--predicate", "large|more than 100 staff|staff > 100"),
        *("--predicate", "big|more than 100 staff too|staff > 100"),
    )
    return walk


def ask(*more: str) -> tuple[str, ...]:
    return ("--scenario", "credit-check", "--units", "5", *more)


def test_rules_are_printed_as_they_were_written_and_set_again(
    offered: Walk, tmp_path: Path
) -> None:
    bank = offered.folder / "bank"
    code, text, _ = offered.code("node", "rules", "show", "--home", str(bank))
    assert code == 0
    assert "[[rule]]" in text
    shown = offered.json(offered.node, "node", "rules", "show")
    assert shown["set_by"] == "node"
    assert shown["rules"]["version"] == "2026-1"
    file = tmp_path / "rules.toml"
    file.write_text(text.replace('"2026-1"', '"mine"'))
    done = offered.json(offered.node, "node", "rules", "set", str(file))
    assert (done["version"], done["suspended"], done["resumed"]) == ("mine", [], [])
    code, out, _ = offered.code("node", "rules", "set", str(file), "--home", str(offered.node))
    assert (code, "mine are in force" in out) == (0, True)
    file.write_text("version = 1")
    assert offered.refused(offered.node, "node", "rules", "set", str(file))["reason"] == (
        "RULES_INVALID"
    )


def test_an_ask_is_explained_in_two_languages_and_refused_with_every_clause(offered: Walk) -> None:
    bank = offered.folder / "bank"
    words = ("contract", "explain", "shops", *ask("--outputs", "large,big"))
    code, out, _ = offered.code(*words, "--home", str(bank))
    assert code == 0
    said = " ".join(out.split())
    for text in ("staff enterprise:1", "at most 4 bits for each unit", "each question once"):
        assert text in said
    code, out, _ = offered.code(*words, "--lang", "zh", "--home", str(bank))
    assert (code, "每个问题只问一次" in out, "信任运营方" in out) == (0, True, True)
    found = offered.json(bank, *words)
    assert found["asked"]["compiles"]
    assert [each["clause"] for each in found["narrowings"]] == [
        "outputs",
        "plan.bits_per_unit",
        "plan.bits_in_all",
    ]
    wrong = ("contract", "explain", "shops", "--scenario", "resale", "--units", "5")
    found = offered.json(bank, *wrong)
    assert not found["asked"]["compiles"]
    assert [each["clause"] for each in found["asked"]["refusals"]] == ["deny.resale"]
    code, out, _ = offered.code(*wrong, "--home", str(bank))
    assert (code, "every clause against it" in out) == (0, True)
    request = ("contract", "request", *wrong[2:], "--outputs", "large")
    assert offered.refused(bank, *request)["reason"] == "PURPOSE_DENIED"
    mixed = ("contract", "explain", "shops", *ask("--outputs", "large,nope"))
    code, out, _ = offered.code(*mixed, "--home", str(bank))
    assert (code, "The narrowest contract that would do" in out) == (0, True)


def test_a_label_suspends_a_contract_and_the_list_says_why(offered: Walk) -> None:
    bank = offered.folder / "bank"
    made = offered.json(bank, "contract", "request", "shops", *ask("--outputs", "large"))["id"]
    name = f"contracts/{made}"
    offered.json(offered.node, "contract", "approve", name)
    offered.json(bank, "contract", "sign", name)
    done = offered.json(offered.node, "table", "label", "shops", "staff=enterprise:core")
    assert done["suspended"] == [made]
    assert offered.json(bank, "contract", "show", name)["state"] == "suspended"
    code, out, err = offered.code("contract", "list", "--home", str(bank))
    assert code == 0
    assert "labels.enterprise.core" in err
    assert made in out
    assert offered.refused(bank, "verify", name, "20")["reason"] == "CONTRACT_NOT_ACTIVE"
    explained = offered.json(bank, "contract", "explain", name)
    assert (explained["id"], explained["asked"]["compiles"]) == (made, False)
    code, _, err = offered.code(
        *("table", "label", "shops", "*=enterprise:1", "--home", str(offered.node))
    )
    assert (code, f"goes on: {made}" in err) == (0, True)
    assert offered.json(bank, "verify", name, "20")["answers"] == {"large": "yes"}
    usage = offered.code("table", "label", "shops", "staff", "--home", str(offered.node))
    assert usage[0] == 2


def test_a_template_is_added_approved_followed_and_withdrawn(offered: Walk, tmp_path: Path) -> None:
    bank, ministry = offered.folder / "bank", offered.folder / "ministry"
    assert offered.json(bank, "template", "list") == []
    assert offered.json(bank, "template", "list", "--shipped") == shipped()
    code, text, _ = offered.code("template", "show", "licence-check", "--toml")
    assert (code, "max_units" in text) == (0, True)
    file = tmp_path / "shops.toml"
    file.write_text(
        text.replace('"licence-check"', '"shop-check"')
        .replace('category = "public"', 'category = "enterprise"')
        .replace('purposes = ["', 'purposes = ["credit-check", "')
        .replace('["operator"]', '["operator", "approver"]')
        .replace("declarations = []", 'declarations = ["for credit alone"]')
    )
    added = offered.json(offered.node, "template", "add", str(file), "--yes")
    assert (added["state"], list(added["approvals"])) == ("waits for its approver", ["operator"])
    follow = ("contract", "request", "shops", *ask("--outputs", "large"))
    follow += ("--template", "shop-check", "--declare-all")
    assert offered.refused(bank, *follow)["reason"] == "TEMPLATE_ENDED"
    code, out, err = offered.code(
        *("template", "approve", "shop-check", "--yes", "--home", str(ministry))
    )
    assert (code, err) == (0, "")
    assert "in force" in out
    made = offered.json(bank, *follow)
    assert (made["state"], list(made["approvals"])) == ("approved", ["operator"])
    assert made["terms"]["declarations"] == ["for credit alone"]
    listed = offered.json(bank, "template", "list")
    assert [each["template"]["name"] for each in listed] == ["shop-check"]
    code, out, _ = offered.code("template", "list", "--home", str(bank))
    assert (code, "shop-check" in out) == (0, True)
    gone = offered.json(offered.node, "template", "withdraw", "shop-check")
    assert gone["state"] == "withdrawn"
    assert offered.refused(bank, *follow)["reason"] == "TEMPLATE_ENDED"


def test_what_is_signed_is_asked_for_first(offered: Walk) -> None:
    words = ("template", "add", "licence-check", "--home", str(offered.node))
    code, _, err = offered.code(*words)  # nobody answers
    assert code == 1
    assert "Licence check" in err
    assert json.loads(offered.code("template", "list", "--format", "json", *words[-2:])[1]) == [
        each
        for each in offered.json(offered.node, "template", "list")
        if each["template"]["name"] != "licence-check"
    ]
    assert offered.refused(offered.node, "template", "add", "no-such-file")["reason"] == "USAGE"
