"""The small parts: clock, vault, frames, meter, labels, names, settings."""

import datetime as dt
import os
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.node.conftest import NOW

from unseen.node import resources as names
from unseen.node.clock import TOLERANCE, Clock, system_now
from unseen.node.config import load_settings, write_settings
from unseen.node.errors import (
    ClockSetBackError,
    ConfigInvalidError,
    FieldInvalidError,
    KeyLockedError,
)
from unseen.node.identity.vault import Vault, create_vault, open_vault
from unseen.node.jobs import frames
from unseen.node.metering.meter import Meter
from unseen.protocols.errors import MalformedMessageError

SECOND = dt.timedelta(seconds=1)


class TestClock:
    def test_is_utc_with_whole_seconds(self) -> None:
        assert system_now().tzinfo is dt.UTC
        assert system_now().microsecond == 0

    @given(
        jumps=st.lists(st.integers(-90_000, 90_000), max_size=20),
        marks=st.lists(st.booleans(), min_size=20, max_size=20),
    )
    def test_never_runs_behind_what_happened(self, jumps: list[int], marks: list[bool]) -> None:
        """Days forth and back: what it says never lies before a leaf, or it says nothing."""
        time, floor = NOW, NOW
        clock = Clock(lambda: time, floor)
        for jump, mark in zip(jumps, marks, strict=False):
            time = NOW + dt.timedelta(seconds=jump)
            if time < floor - TOLERANCE:
                with pytest.raises(ClockSetBackError) as caught:
                    clock.now()
                assert caught.value.remedy
                continue
            found = clock.now()
            assert found == max(time, floor)
            if mark:
                clock.raise_floor(found)
                floor = found

    def test_tolerates_five_seconds_and_no_more(self) -> None:
        assert Clock(lambda: NOW - TOLERANCE, NOW).now() == NOW
        with pytest.raises(ClockSetBackError):
            Clock(lambda: NOW - TOLERANCE - SECOND, NOW).now()


class TestVault:
    @pytest.mark.parametrize("passphrase", [None, b"correct horse"])
    def test_opens_what_it_sealed(self, tmp_path: Path, passphrase: bytes | None) -> None:
        key_file = tmp_path / "keys" / "vault.key"
        made = create_vault(tmp_path, key_file=key_file, passphrase=passphrase)
        sealed = made.seal("name", b"secret")
        again = open_vault(tmp_path, key_file=key_file, passphrase=passphrase)
        assert again.open("name", sealed) == b"secret"
        assert key_file.exists() == (passphrase is None)
        for path in (tmp_path / "keys").iterdir():
            assert path.stat().st_mode & 0o077 == 0

    def test_refuses_other_names_other_keys_and_altered_bytes(self) -> None:
        vault = Vault(secrets.token_bytes(32))
        sealed = vault.seal("epoch/a/1", b"secret")
        cases = [(vault, "epoch/a/2", sealed), (Vault(bytes(32)), "epoch/a/1", sealed)]
        cases += [
            (vault, "epoch/a/1", sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
            for at in range(len(sealed))
        ]
        cases += [(vault, "epoch/a/1", sealed[:size]) for size in range(len(sealed))]
        told = set()
        for each, name, data in cases:
            with pytest.raises(KeyLockedError) as caught:
                each.open(name, data)
            told.add(str(caught.value))
        assert len(told) == 1  # one opaque error

    def test_never_seals_the_same_way_twice(self) -> None:
        vault = Vault(bytes(32))
        assert len({vault.seal("n", b"x") for _ in range(100)}) == 100

    def test_shows_no_key(self) -> None:
        key = secrets.token_bytes(32)
        assert repr(key) not in repr(Vault(key))

    @pytest.mark.parametrize("content", [None, "", "zz", "00" * 31, "é"])
    def test_says_when_the_key_file_is_missing_or_wrong(
        self, tmp_path: Path, content: str | None
    ) -> None:
        key_file = tmp_path / "keys" / "vault.key"
        create_vault(tmp_path, key_file=key_file, passphrase=None)
        key_file.unlink()
        if content is not None:
            key_file.write_text(content)
        with pytest.raises(KeyLockedError):
            open_vault(tmp_path, key_file=key_file, passphrase=None)


class TestFrames:
    @given(st.lists(st.binary(max_size=40), max_size=12))
    def test_unpack_what_was_packed(self, parts: list[bytes]) -> None:
        assert frames.unpack(frames.pack(parts)) == parts

    @given(st.binary(max_size=80))
    def test_take_nothing_that_packs_differently(self, data: bytes) -> None:
        try:
            parts = frames.unpack(data)
        except MalformedMessageError:
            return
        assert frames.pack(parts) == data

    @given(st.lists(st.binary(max_size=9), min_size=1, max_size=4), st.integers(1, 9))
    def test_refuse_what_was_cut(self, parts: list[bytes], cut: int) -> None:
        with pytest.raises(MalformedMessageError):
            frames.unpack(frames.pack(parts)[:-cut])


class TestMeter:
    def test_counts_what_is_held_and_the_last_minute(self) -> None:
        time = 0.0
        meter = Meter(lambda: time)
        meter.reserve("c", 3)
        meter.reserve("c", 2)
        meter.reserve("other", 9)
        usage = meter.usage("c", 7)
        assert (usage.charged, usage.under_way, usage.this_minute) == (7, 5, 5)
        meter.release("c", 3)
        time = 59.9
        usage = meter.usage("c", 7)
        assert (usage.under_way, usage.this_minute) == (2, 5)
        time = 60.0
        assert meter.usage("c", 7).this_minute == 0

    @given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=30))
    def test_a_minute_is_what_a_list_says(self, steps: list[tuple[float, int]]) -> None:
        time, entries = 0.0, []
        meter = Meter(lambda: time)
        for step, units in steps:
            time += step
            meter.reserve("c", units)
            entries.append((time, units))
            wanted = sum(size for at, size in entries if at > time - 60.0)
            assert meter.usage("c", 0).this_minute == wanted


class TestNames:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "tables/",
            "tables/A",
            "tables/a/b",
            "tables/a b",
            "tables/a\n",
            "tables/-a",
            "tables/../a",
            "tables/\u00e9",
            "tables/" + "a" * 41,
            "/tables/a",
            "products/a",
        ],
    )
    def test_refuse_what_is_no_name(self, text: str) -> None:
        with pytest.raises(FieldInvalidError):
            names.resource("tables", text)

    @pytest.mark.parametrize("text", ["contracts/" + "A" * 42, "contracts/" + "A" * 43 + "\n", ""])
    def test_refuse_what_is_no_contract(self, text: str) -> None:
        with pytest.raises(FieldInvalidError):
            names.contract_id(text)

    @pytest.mark.parametrize("text", ["", "A", "1a", "a-b", "a" * 41, "a\n", "ａ"])
    def test_refuse_what_names_no_output(self, text: str) -> None:
        with pytest.raises(FieldInvalidError):
            names.field_name(text, "clause")

    def test_pages_hold_500_at_most(self) -> None:
        assert [names.page_size(size) for size in (0, 1, 500, 501)] == [500, 1, 500, 500]
        with pytest.raises(FieldInvalidError):
            names.page_size(-1)


class TestSettings:
    @pytest.fixture(autouse=True)
    def _clean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in list(os.environ):
            if name.startswith("UNSEEN_"):
                monkeypatch.delenv(name)

    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        write_settings(tmp_path, name="n", listen="127.0.0.1:1", hosts=["a", "b"])
        found = load_settings(tmp_path)
        assert (found.name, found.listen, found.hosts) == ("n", "127.0.0.1:1", ["a", "b"])

    @pytest.mark.parametrize(
        "text",
        [
            b"name = ",
            b"\xff",
            b'name = "A"',
            b'name = "a"\nunknown = 1',
            b'name = "a"\nlisten = "x"',
            b'name = "a"\nmemory_mb = 1',
            b'name = "a"\nworkers = -1',
            b'name = "a"\ncall_seconds = 0',
        ],
    )
    def test_bad_ones_are_one_clear_error(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "node.toml").write_bytes(text)
        with pytest.raises(ConfigInvalidError) as caught:
            load_settings(tmp_path)
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("name", "value"),
        [("UNSEEN_WORKERS", "many"), ("UNSEEN_HOSTS", "not json"), ("UNSEEN_MEMORY_MB", "-5")],
    )
    def test_bad_environment_is_one_clear_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        write_settings(tmp_path, name="n", listen="127.0.0.1:1", hosts=["a"])
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigInvalidError):
            load_settings(tmp_path)

    def test_the_environment_wins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_settings(tmp_path, name="n", listen="127.0.0.1:1", hosts=["a"])
        monkeypatch.setenv("UNSEEN_NAME", "other")
        assert load_settings(tmp_path).name == "other"

    def test_a_home_without_a_node_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigInvalidError) as caught:
            load_settings(tmp_path)
        assert "unseen node init" in caught.value.remedy
