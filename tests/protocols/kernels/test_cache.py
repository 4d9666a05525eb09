"""Kernels on disk: whole or not at all, of this user alone, and never what was not asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unseen.protocols.errors import KernelFaultError
from unseen.protocols.kernels import cache, features, objects

needs_numba = pytest.mark.skipif(features.target() is None, reason="nothing is compiled here")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "above" / "kernels"
    monkeypatch.setenv(cache.VARIABLE, str(found))
    return found


def test_what_is_written_is_read_and_belongs_to_one_user(folder: Path) -> None:
    assert cache.read("key") is None
    assert cache.write("key", b"code")
    assert cache.read("key") == b"code"
    assert cache.read("other") is None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [
        ("key", 0o600)
    ]


@pytest.mark.parametrize("at", [0, 20, 60])
def test_a_damaged_file_is_not_read(folder: Path, at: int) -> None:
    cache.write("key", b"c" * 100)
    data = bytearray((folder / "key").read_bytes())
    data[at] ^= 1
    (folder / "key").write_bytes(data)
    assert cache.read("key") is None
    (folder / "key").write_bytes(data[:at])
    assert cache.read("key") is None


@pytest.mark.parametrize("mode", [0o710, 0o755, 0o777, 0o701])
def test_a_folder_that_others_may_open_is_not_used(folder: Path, mode: int) -> None:
    cache.write("key", b"code")
    folder.chmod(mode)
    assert cache.read("key") is None
    assert not cache.write("other", b"code")
    assert not (folder / "other").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_open_is_not_used(folder: Path, mode: int) -> None:
    cache.write("key", b"code")
    (folder / "key").chmod(mode)
    assert cache.read("key") is None


def test_symbolic_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    cache.write("key", b"code")
    (folder / "link").symlink_to(folder / "key")
    assert cache.read("link") is None
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    assert cache.read("key") is None
    assert not cache.write("other", b"code")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_another_user_owns_is_not_used(folder: Path) -> None:
    cache.write("key", b"code")
    os.chown(folder / "key", 12345, -1)
    assert cache.read("key") is None
    cache.write("key", b"code")
    os.chown(folder, 12345, -1)
    assert cache.read("key") is None
    assert not cache.write("other", b"code")


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, "")
    assert cache.folder() is None
    assert not cache.write("key", b"code")
    assert cache.read("key") is None
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "kernels"))
    (tmp_path / "file").write_bytes(b"")
    assert not cache.write("key", b"code")


def test_the_folder_is_the_user_s_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "unseen/kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache/unseen/kernels"


def test_too_much_is_not_kept(folder: Path) -> None:
    assert not cache.write("key", bytes(1 << 20))
    assert not folder.exists()


SCAN = """
import sys
unpickled = []
sys.addaudithook(lambda event, given: event == "pickle.find_class" and unpickled.append(given))
from unseen.protocols.kernels import noise
print(noise.warm_up(), "numba" in sys.modules, len(unpickled))
"""


def warmed_up() -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCAN],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_numba
def test_a_kernel_is_compiled_once_and_loaded_without_numba(folder: Path) -> None:
    assert warmed_up().startswith("compiled True")
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert kept
    assert all(path.read_bytes().startswith(b"unseen kernel 1\n") for path in kept)
    assert warmed_up() == "compiled False 0"  # without numba, and nothing was unpickled
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == kept
    for path in kept:  # damaged: compiled again, and kept again
        path.write_bytes(b"unseen kernel 1\n" + bytes(100))
    assert warmed_up().startswith("compiled True")
    assert warmed_up() == "compiled False 0"  # without numba, and nothing was unpickled


@needs_numba
@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("outside_builder", "print(address)", "something outside itself"),
        ("unknown_builder", "open(address)", "cannot be compiled"),
        ("typed_builder", "'text' + address", "cannot be compiled"),
    ],
)
def test_code_that_is_no_kernel_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, body: str, words: str
) -> None:
    text = f"def kernel(address):\n    {body}\n"
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KernelFaultError, match=words) as caught:
        objects._object_of(name, "kernel", name)
    assert "uninstall numba" in caught.value.remedy


@needs_numba
def test_the_key_changes_with_processor_and_function(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "unseen.protocols.kernels.noise_builder"
    keys = {objects._key(module, "scan"), objects._key(module, "other")}
    keys.add(objects._key("unseen.protocols.kernels.aes_builder", "scan"))
    monkeypatch.setattr(objects, "target", lambda: features.Target("x86_64", "x86-64", "+sse2"))
    keys.add(objects._key(module, "scan"))
    assert len(keys) == 4
