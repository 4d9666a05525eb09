"""What is taken out of a folder that hostile code wrote: plain files of declared names, or nothing.

The cases of the collector, the bounds between them, and races: whatever is swapped in while it
looks, what comes out are the bytes of a plain file in the folder, or one refusal.
"""

import contextlib
import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unseen.sandbox import collector
from unseen.sandbox.collector import OutputRefusedError, collect, copied, opened

NAME = "model.onnx"
SECRET = b"what lies outside"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return an output folder with something beside it that must not come out."""
    (tmp_path / "outside").write_bytes(SECRET)
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(out: Path) -> Iterator[int]:
    handle = os.open(out, os.O_PATH | os.O_DIRECTORY)
    yield handle
    os.close(handle)


def test_plain_files_come_out_as_they_are(out: Path, folder: int) -> None:
    (out / NAME).write_bytes(b"a" * 100_000)
    (out / "table.csv").write_bytes(b"")
    (out / "else.json").write_bytes(b"never asked for")
    assert collect(folder, {NAME: 100_000, "table.csv": 1}, 100_000) == {
        NAME: b"a" * 100_000,
        "table.csv": b"",
    }


def a_socket(at: Path) -> None:
    with contextlib.chdir(at.parent), socket.socket(socket.AF_UNIX) as one:
        one.bind(at.name)


def a_hard_link(at: Path) -> None:
    (at.parent / "other").write_bytes(b"fine")
    os.link(at.parent / "other", at)


def a_sparse_file(at: Path) -> None:
    at.touch()
    os.truncate(at, 1 << 40)


def a_link_within(at: Path) -> None:
    (at.parent / "x").write_bytes(b"")
    at.symlink_to("x")


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "link to a file": (lambda at: at.symlink_to("../outside"), "link"),
    "link to a file in the folder": (a_link_within, "link"),
    "link to a folder": (lambda at: at.symlink_to(".."), "link"),
    "link to nothing": (lambda at: at.symlink_to("nowhere"), "link"),
    "magic link": (lambda at: at.symlink_to("/proc/self/fd/0"), "link"),
    "link to itself": (lambda at: at.symlink_to(NAME), "link"),
    "pipe": (os.mkfifo, "kind"),
    "socket": (a_socket, "kind"),
    "folder": (lambda at: at.mkdir(), "kind"),
    "two names": (a_hard_link, "names"),
    "a terabyte of nothing": (a_sparse_file, "size"),
    "a byte too many": (lambda at: at.write_bytes(bytes(1001)), "size"),
    "nothing": (lambda _: None, "missing"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_plain_file_is_refused_at_once(case: str, out: Path, folder: int) -> None:
    make, clause = CASES[case]
    make(out / NAME)
    start = time.perf_counter()
    with pytest.raises(OutputRefusedError) as caught:
        copied(folder, NAME, 1000)
    assert time.perf_counter() - start < 0.5, "it waited for somebody"
    assert caught.value.clause == f"output.{clause}"
    assert caught.value.reason == "OUTPUT_REFUSED"


def test_a_device_is_refused() -> None:
    devices = os.open("/dev", os.O_PATH | os.O_DIRECTORY)
    try:
        handle = opened(devices, "zero")
        assert stat.S_ISCHR(os.fstat(handle).st_mode)
        with pytest.raises(OutputRefusedError) as caught:
            collector._read(handle, NAME, 10)
        os.close(handle)
    finally:
        os.close(devices)
    assert caught.value.clause == "output.kind"


WAYS = {
    "..": "outside",
    "../outside": "outside",
    "x/../../outside": "outside",
    "/etc/hostname": "outside",
    "a" * 300: "name",
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_out_of_the_folder(way: str, out: Path, folder: int) -> None:
    (out / "x").mkdir()
    with pytest.raises(OutputRefusedError) as caught:
        opened(folder, way)
    assert caught.value.clause == f"output.{WAYS[way]}"
    with pytest.raises(OutputRefusedError) as caught:
        copied(folder, way, 1000)
    assert caught.value.clause == "output.name"


def test_no_way_leads_through_a_link_or_onto_another_mount(out: Path, folder: int) -> None:
    (out / "up").symlink_to("..")
    with pytest.raises(OutputRefusedError) as caught:
        opened(folder, "up/outside")
    assert caught.value.clause == "output.link"
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        with pytest.raises(OutputRefusedError) as caught:
            opened(root, "proc/version")
    finally:
        os.close(root)
    assert caught.value.clause == "output.outside"


@pytest.mark.parametrize(
    "name", ["", ".", "model", "Model.onnx", "a b.csv", "a.csv\n", "a.csv\0x", "é.csv", "-.csv"]
)
def test_names_are_of_one_form(name: str, folder: int) -> None:
    with pytest.raises(OutputRefusedError) as caught:
        collect(folder, {name: 10}, 10)
    assert caught.value.clause == "output.name"


def test_bytes_are_bounded_each_and_together(out: Path, folder: int) -> None:
    for name in ("a.json", "b.json"):
        (out / name).write_bytes(bytes(10))
    assert len(collect(folder, {"a.json": 10, "b.json": 10}, 20)) == 2
    for wanted, most in (({"a.json": 9}, 100), ({"a.json": 10, "b.json": 10}, 19)):
        with pytest.raises(OutputRefusedError) as caught:
            collect(folder, wanted, most)
        assert caught.value.clause == "output.size"
    with pytest.raises(OutputRefusedError):
        collect(folder, {f"a{n}.json": 1 for n in range(65)}, 100)


def test_a_kernel_without_the_call_gives_nothing(
    folder: int, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / NAME).write_bytes(b"fine")
    monkeypatch.setattr(collector, "_OPENAT2", 9999)
    with pytest.raises(OutputRefusedError) as caught:
        copied(folder, NAME, 10)
    assert caught.value.clause == "output.kernel"


def test_modes_are_not_copied_and_descriptors_are_closed(out: Path, folder: int) -> None:
    (out / NAME).write_bytes(b"fine")
    (out / NAME).chmod(0o6755)
    (out / "pipe.csv").symlink_to(NAME)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    for _ in range(20):
        assert copied(folder, NAME, 10) == b"fine"
        with pytest.raises(OutputRefusedError):
            copied(folder, "pipe.csv", 10)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def appended(at: Path, size: int) -> None:
    with at.open("ab") as file:
        file.write(b"x" * size)


@pytest.mark.parametrize(
    ("meanwhile", "clause"),
    [
        (lambda at: appended(at, 50), "changed"),
        (lambda at: appended(at, 5000), "size"),
        (lambda at: os.truncate(at, 0), "changed"),
        (lambda at: os.link(at, at.parent / "second"), "changed"),
        (lambda at: at.write_bytes(b"y" * 100), "changed"),
        (lambda at: at.rename(at.parent / "second"), "changed"),
        (lambda at: (at.rename(at.parent / "second"), at.write_bytes(b"a" * 100)), "changed"),
    ],
)
def test_what_changes_while_it_is_read_is_refused(
    meanwhile: Callable[[Path], object],
    clause: str,
    out: Path,
    folder: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = out / NAME
    at.write_bytes(b"a" * 100)
    os.utime(at, ns=(1, 1))  # so that a write in the same tick of the clock shows
    real, done = os.read, list[object]()

    def read(handle: int, size: int) -> bytes:
        if not done:
            done.append(meanwhile(at))
        return real(handle, size)

    monkeypatch.setattr(os, "read", read)
    with pytest.raises(OutputRefusedError) as caught:
        copied(folder, NAME, 1000)
    assert caught.value.clause == f"output.{clause}"


def test_a_second_name_that_is_taken_away_again_is_no_way_out(
    out: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file from outside has one name again by the time it is looked at."""
    os.link(out.parent / "outside", out / NAME)
    real = collector.opened

    def opened(at: int, name: str) -> int:
        handle = real(at, name)
        (out / NAME).unlink(missing_ok=True)
        (out / NAME).write_bytes(SECRET)
        return handle

    monkeypatch.setattr(collector, "opened", opened)
    with pytest.raises(OutputRefusedError) as caught:
        copied(folder, NAME, 1000)
    assert caught.value.clause == "output.changed"


def test_no_race_brings_anything_else_out(out: Path, folder: int) -> None:
    """A writer swaps file, link, pipe and second name under the name that is asked for."""
    stop = threading.Event()
    good = b"good" * 1000

    def swap() -> None:
        fresh = out / "fresh"
        while not stop.is_set():
            for make in (
                lambda: fresh.write_bytes(good),
                lambda: fresh.symlink_to("../outside"),
                lambda: os.mkfifo(fresh),
                lambda: os.link(out.parent / "outside", fresh),
            ):
                make()
                fresh.replace(out / NAME)

    writer = threading.Thread(target=swap)
    writer.start()
    seen: set[str] = set()
    try:
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            try:
                assert copied(folder, NAME, 10_000) == good
                seen.add("file")
            except OutputRefusedError as error:
                seen.add(error.clause)
    finally:
        stop.set()
        writer.join()
    assert "file" in seen
    assert seen & {"output.link", "output.kind", "output.names"}, "nothing was ever swapped in"


def test_a_file_that_grows_is_never_read_beyond_its_bytes(out: Path, folder: int) -> None:
    at, limit = out / NAME, 1 << 16
    at.write_bytes(bytes(100))
    stop = threading.Event()

    def grow() -> None:
        with at.open("ab", buffering=0) as file:
            while not stop.is_set() and file.tell() < 1 << 26:
                file.write(bytes(1 << 16))

    writer = threading.Thread(target=grow)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    writer.start()
    try:
        for _ in range(200):
            try:
                assert len(copied(folder, NAME, limit)) <= limit
            except OutputRefusedError as error:
                assert error.clause in {"output.size", "output.changed"}  # noqa: PT017
    finally:
        stop.set()
        writer.join()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10
