"""What a product is, as options and as a file: forms and ids of a match."""

from pathlib import Path
from typing import Any

import pytest

from unseen.cli.failures import UsageError
from unseen.cli.product_options import ProductOptions, read_product
from unseen.protocols.lookup.canonical import FORMS


def test_a_match_as_options_and_as_a_file_is_the_same(tmp_path: Path) -> None:
    said = ProductOptions(
        table="register",
        kind="verify",
        title="t",
        match=["number", "country"],
        canonical=["name=name", "a=b=cn_id"],
    ).given("p", counts=False)
    assert said["match"] == {"id": ["number", "country"]}
    assert said["canonical"] == {"name": "name", "a=b": "cn_id"}
    file = tmp_path / "p.toml"
    file.write_text(
        'table = "register"\nkind = "verify"\ntitle = "t"\npredicates = []\n'
        '[match]\nid = ["number", "country"]\n[canonical]\nname = "name"\n"a=b" = "cn_id"\n'
    )
    read = read_product(file)
    assert {name: read[name] for name in ("match", "canonical")} == {
        name: said[name] for name in ("match", "canonical")
    }


def test_without_them_nothing_is_said() -> None:
    said = ProductOptions(table="t").given("p", counts=False)
    assert (said["match"], said["canonical"]) == ({"id": []}, {})


@pytest.mark.parametrize("text", ["name", "=name", "name=", "name=phone", "name=NAME", "name:name"])
def test_a_form_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        ProductOptions(table="t", canonical=[text]).given("p", counts=False)
    assert caught.value.clause == "canonical"
    assert all(form in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    "lines",
    [
        'match = ["number"]',
        'match = "number"',
        "[match]",
        '[match]\nid = "number"',
        "[match]\nid = [1]",
        '[match]\nid = ["a"]\nother = 1',
        'canonical = ["name"]',
        "[canonical]\nname = 1",
        "[canonical]\nname = { form = 'name' }",
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, lines: Any) -> None:
    file = tmp_path / "p.toml"
    file.write_text(f"{lines}\n")
    with pytest.raises(UsageError) as caught:
        read_product(file)
    assert caught.value.clause == "product"
