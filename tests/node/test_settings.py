"""What is wrong with a home or its settings is said by name."""

from pathlib import Path

import pytest

from unseen.node.config import load_settings, write_settings
from unseen.node.errors import ConfigInvalidError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_settings(tmp_path, name="registry", listen="127.0.0.1:8443", hosts=["localhost"])
    return tmp_path


def refused(home: Path) -> ConfigInvalidError:
    with pytest.raises(ConfigInvalidError) as error:
        load_settings(home)
    return error.value


def test_a_setting_that_does_not_exist_is_named(home: Path) -> None:
    with (home / "node.toml").open("a") as file:
        file.write("wrokers = 3\n")
    assert str(refused(home)).endswith("is not valid: no setting is called wrokers")


def test_a_value_out_of_range_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSEEN_WORKERS", "999")
    assert "workers: Input should be less than or equal to 256" in str(refused(home))


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ((), "there is no node in this home"),
        (("keys",), "node.toml is missing from a home that has a node's keys"),
        (("keys", "profile.json"), "this is the home of a party, and no node's"),
    ],
)
def test_a_home_without_a_node_says_what_it_is(
    tmp_path: Path, there: tuple[str, ...], said: str
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    error = refused(tmp_path)
    assert str(error) == said
    assert error.remedy
