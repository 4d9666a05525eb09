"""Who is let into a cluster, and what a node says of one that lets in anybody."""

import asyncio
import datetime as dt
import errno
import secrets
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.node.clusters import COMMAND
from tests.ports import free_port

from unseen.node.cluster import links, relay, remote
from unseen.node.cluster.executor import DaskExecutor
from unseen.node.cluster.files import Files, make_files
from unseen.node.cluster.starting import make_executor
from unseen.node.config import Settings
from unseen.node.data.moving import move_whole
from unseen.node.errors import ClusterLostError, ClusterRefusedError, ConfigInvalidError
from unseen.node.jobs.executor import LocalExecutor

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)
Hold = Callable[[socket.socket], None]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return make_files(tmp_path / "cluster", "test", NOW, DAY)


@contextmanager
def answering(hold: Hold) -> Iterator[int]:
    """Answer one connection on the loopback by `hold`; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with connection:
                    hold(connection)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def tls(files: Files, verify: ssl.VerifyMode, version: ssl.TLSVersion) -> Hold:
    """Return what a scheduler under these files does that asks for certificates by `verify`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    context.load_cert_chain(files.member)
    context.load_verify_locations(files.ca)
    context.verify_mode = verify

    def hold(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"hello")
            secure.recv(1)

    return hold


def in_the_clear(connection: socket.socket) -> None:
    connection.sendall(b"\0" * 64)
    connection.recv(1)


def check(hold: Hold, files: Files) -> None:
    with answering(hold) as port:
        links.check_scheduler("127.0.0.1", port, files)


def test_a_scheduler_that_asks_for_certificates_is_taken(files: Files) -> None:
    hold = tls(files, ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3)
    check(hold, files)


@pytest.mark.parametrize("verify", [ssl.CERT_NONE, ssl.CERT_OPTIONAL])
def test_one_that_lets_in_anybody_is_refused(files: Files, verify: ssl.VerifyMode) -> None:
    with pytest.raises(ClusterRefusedError, match="whoever has no certificate"):
        check(tls(files, verify, ssl.TLSVersion.TLSv1_3), files)


def test_one_that_speaks_in_the_clear_or_an_old_version_is_refused(files: Files) -> None:
    with pytest.raises(ClusterRefusedError, match=r"does not speak TLS 1\.3"):
        check(in_the_clear, files)
    with pytest.raises(ClusterRefusedError, match=r"does not speak TLS 1\.3"):
        check(tls(files, ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2), files)


def test_one_of_another_cluster_or_of_yesterday_is_refused(files: Files, tmp_path: Path) -> None:
    for name, now in (("other", NOW), ("old", NOW - 3 * DAY)):
        other = make_files(tmp_path / name, "test", now, DAY)
        known = files if name == "other" else other
        hold = tls(other, ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3)
        with pytest.raises(ClusterRefusedError, match="not this cluster's, or expired"):
            check(hold, known)


def test_one_that_says_nothing_is_lost(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_PROBE_SECONDS", 0.3)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.member)

    def silent(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    for hold in (silent, lambda connection: connection.recv(1 << 16) and connection.recv(1)):
        with pytest.raises(ClusterLostError, match="does not answer"):
            check(hold, files)


def test_none_at_all_is_lost(files: Files) -> None:
    with pytest.raises(ClusterLostError, match="nothing answers"):
        links.check_scheduler("127.0.0.1", free_port(), files)


async def test_a_node_does_not_start_with_a_scheduler_in_the_clear(files: Files) -> None:
    with answering(in_the_clear) as port:
        executor = DaskExecutor(LocalExecutor(1), f"dask://127.0.0.1:{port}", files.folder)
        with pytest.raises(ClusterRefusedError) as caught:
            await executor.start()
    assert "unseen node cluster scheduler" in caught.value.remedy
    await executor.close()


async def test_a_node_starts_without_its_cluster_and_says_so_for_each_long_task(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    executor = DaskExecutor(LocalExecutor(1), f"dask://127.0.0.1:{free_port()}", files.folder)
    await executor.start()
    assert "long tasks wait for the cluster" in caplog.text
    found = await asyncio.gather(
        *(executor.run_bulk("fill_table", []) for _ in range(2)), return_exceptions=True
    )
    assert [type(each) for each in found] == [ClusterLostError] * 2
    await executor.close()


def test_files_are_private_and_made_once(files: Files, tmp_path: Path) -> None:
    files.check()
    assert stat.S_IMODE(files.member.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert b"PRIVATE KEY" not in files.ca.read_bytes()
    assert files.member.read_bytes().count(b"PRIVATE KEY") == 2  # one key, its two lines
    with pytest.raises(ConfigInvalidError, match="already"):
        make_files(files.folder, "test", NOW, DAY)
    files.member.chmod(0o640)
    with pytest.raises(ConfigInvalidError, match="others may read"):
        files.check()
    with pytest.raises(ConfigInvalidError, match="no files of a cluster"):
        Files(tmp_path / "nowhere").check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dask://127.0.0.1:8786", ("127.0.0.1", 8786)),
        ("dask://[::1]:1", ("::1", 1)),
        ("machine.example:70", ("machine.example", 70)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert links.address_of(text) == expected


def test_the_setting_decides_where_long_tasks_run(tmp_path: Path) -> None:
    local = make_executor(Settings(name="n"), tmp_path)
    assert isinstance(local, LocalExecutor)
    assert local.shares_memory
    far = make_executor(Settings(name="n", executor="dask://h:1"), tmp_path)
    assert isinstance(far, DaskExecutor)
    assert (far.bulk, far.shares_memory) == (1, False)


@pytest.mark.parametrize("text", ["", "tcp://h:1", "dask://h", "dask://h:1/x", "dask://u@h:1"])
def test_no_other_setting_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match="executor"):
        Settings(name="n", executor=text)


def test_temporary_files_have_a_folder_of_the_nodes_own(tmp_path: Path) -> None:
    assert Settings(name="n").spool_path(tmp_path) == tmp_path / "spool"
    shared = Settings(name="n", shared=str(tmp_path / "shared"))
    assert shared.spool_path(tmp_path / "home") == tmp_path / "shared" / "unseen-n"
    # What is emptied at each start has no matrix in it.
    assert shared.matrices_path(tmp_path / "home") == tmp_path / "shared" / "unseen-n-matrices"
    assert Settings(name="n").matrices_path(tmp_path) == tmp_path / "tables"


def test_arguments_are_never_in_a_log_of_dask() -> None:
    """Dask logs the arguments of a call that raises; ours raises nothing."""
    secret = secrets.token_bytes(32)
    assert remote.run("0.0", "topic", 1, "", "voprf", [secret]) == [b"V", remote.RELEASE.encode()]
    for file in ("", "a.matrix"):
        assert remote.run(remote.RELEASE, "topic", 1, file, "voprf", [secret]) == [b"X"]


def test_a_file_is_moved_whole_also_between_file_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, rename = tmp_path / "source", tmp_path / "target", Path.replace

    def apart(self: Path, to: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, "apart")
        return rename(self, to)

    source.write_bytes(b"a")
    move_whole(source, target)
    assert (target.read_bytes(), source.exists()) == (b"a", False)
    monkeypatch.setattr(Path, "replace", apart)
    source.write_bytes(b"b")
    move_whole(source, target)
    assert (target.read_bytes(), source.exists()) == (b"b", False)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    source.write_bytes(b"c")
    monkeypatch.setattr("unseen.node.data.moving.os.fsync", full)
    with pytest.raises(OSError, match="full"):
        move_whole(source, target)
    assert (target.read_bytes(), source.read_bytes()) == (b"b", b"c")
    assert {path.name for path in tmp_path.iterdir()} == {"source", "target"}


def test_a_port_that_is_taken_is_one_error(files: Files) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        asked = [*COMMAND, "scheduler", "--files", str(files.folder), "--listen", address]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be bound" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_task_that_begins_anew_takes_back_what_it_had_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[bytes, ...]] = []
    monkeypatch.setattr(relay, "_write", lambda *parts: told.append(parts))

    class Link:
        def subscribe_topic(self, topic: str, heard: Callable[[object], None]) -> None:
            assert topic.startswith("unseen-")
            self.heard = heard

    link = Link()
    relay._Relay(link)._rows[b"7"] = 0
    for number, rows in ((7, 40), (7, 90), (7, 25), (8, 1), (7, 100)):
        link.heard((0.0, [number, rows]))
    assert told == [(b"7", b"P", rows) for rows in (b"40", b"50", b"-65", b"75")]


async def test_a_scheduler_that_hangs_is_lost_though_its_connection_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[bytes, ...]] = []
    monkeypatch.setattr(relay, "_write", lambda *parts: told.append(parts))
    monkeypatch.setattr(relay, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(relay, "_LOOK_SECONDS", 0.0)

    class Link:
        status = "running"
        looked = 0

        def subscribe_topic(self, topic: str, heard: Callable[[object], None]) -> None:
            del topic, heard

        async def nthreads(self) -> dict[str, int]:
            self.looked += 1
            if self.looked > 2:
                await asyncio.Event().wait()
            return {"one": 4, "other": 2}  # a thread for a long task, and one for a short

    async with asyncio.timeout(10):
        with pytest.raises(ClusterLostError):
            await relay._Relay(Link()).look()
    assert told == [(b"0", b"W", b"3")]
