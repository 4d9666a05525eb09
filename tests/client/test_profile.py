"""Profiles and homes: written whole, read strictly."""

import json
from pathlib import Path
from typing import Any

import pytest

from unseen.client.errors import HomeError
from unseen.client.local.home import Home, read_json, write_file
from unseen.client.local.profile import Profile, load_profile


def test_a_profile_reads_as_it_was_written(home: Home, profile: Profile) -> None:
    profile.save(home)
    assert load_profile(home) == profile


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"type": "trust"},
        {"party": 1},
        {"key": "AA"},
        {"key": "!"},
        {"more": 1},
        {"node": None},
    ],
)
def test_a_damaged_profile_is_one_clear_error(
    home: Home, profile: Profile, change: dict[str, Any]
) -> None:
    profile.save(home)
    value = json.loads(home.profile.read_text()) | change
    home.profile.write_text(json.dumps(value))
    with pytest.raises(HomeError) as caught:
        load_profile(home)
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":2}'])
def test_what_is_not_an_object_is_refused(home: Home, data: bytes) -> None:
    home.profile.write_bytes(data)
    with pytest.raises(HomeError):
        read_json(home.profile)


def test_a_file_is_replaced_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    write_file(path, b"x" * 200_000, private=True)
    assert path.read_bytes() == b"x" * 200_000
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot write"):
        write_file(tmp_path / "no" / "file", b"")
