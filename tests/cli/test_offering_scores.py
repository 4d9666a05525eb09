"""What `unseen product add` says of scores: the model's columns, and how it is read."""

from pathlib import Path
from typing import Any

import pytest

from unseen.cli.failures import UsageError
from unseen.cli.product_options import ProductOptions, read_product, scored_of

COLUMNS = """[[feature]]
name = "balance"
low = "0"
high = "3000.00"
"""


@pytest.fixture
def features(tmp_path: Path) -> Path:
    path = tmp_path / "features.toml"
    path.write_text(COLUMNS)
    return path


def given(**options: Any) -> dict[str, Any]:
    return ProductOptions(**options).given("credit-score", counts=False)


def test_a_file_of_columns_makes_a_product_of_scores(features: Path) -> None:
    said = given(features=features)
    found = scored_of(said)
    assert said["kind"] == "score"
    assert found is not None
    assert [feature.name for feature in found.features] == ["balance"]
    assert (found.precision, found.output, found.reach) == ("0.0001", "", 0)
    assert scored_of(given(predicate=["a|b|c"])) is None


def test_an_interval_says_how_functions_of_a_network_are_replaced(
    features: Path, tmp_path: Path
) -> None:
    found = scored_of(given(features=features, reach=4, most=7, precision="0.001"))
    assert found is not None
    assert (found.reach, found.most, found.precision) == (4, 7, "0.001")
    file = tmp_path / "product.toml"
    file.write_text(f'table = "t"\nfeatures = "{features}"\nreach = 4\n')
    assert scored_of(read_product(file)) is not None
    with pytest.raises(UsageError) as caught:
        scored_of(given(features=features, reach=65))
    assert caught.value.clause == "score.reach"
