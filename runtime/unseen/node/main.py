"""Serving: opens a home, checks its log, answers until it is told to stop, then drains."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
from grpc_health.v1 import health, health_pb2
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite, signer_id
from unseen.node.audit.log import NodeLog
from unseen.node.catalog.catalogue import Catalogue
from unseen.node.clock import Clock
from unseen.node.cluster.starting import (
    make_cluster,
    make_executor,
    run_scheduler,
    run_worker,
)
from unseen.node.config import Settings, load_settings
from unseen.node.consent import register as consent_register
from unseen.node.consent import rotation
from unseen.node.consent.state import Consents
from unseen.node.consent.tree import load_keys
from unseen.node.context import Node
from unseen.node.contracts import lifecycle
from unseen.node.contracts.epochs import Epochs
from unseen.node.contracts.governing import settle_at_start
from unseen.node.contracts.register import Contracts
from unseen.node.contracts.rulebook import LoadRules, Rulebook
from unseen.node.contracts.stops import Stops
from unseen.node.contracts.templates import Templates
from unseen.node.errors import ConfigInvalidError, LogMismatchError, StorageFullError
from unseen.node.handover.leaving import hand_over
from unseen.node.handover.state import refuse_if_leaving, refuse_if_over
from unseen.node.handover.taking import take_over
from unseen.node.hardening import harden, whereabouts
from unseen.node.identity.enrolment import Enrolment
from unseen.node.identity.parties import Parties
from unseen.node.jobs import warming
from unseen.node.jobs.driver import Driver
from unseen.node.jobs.kinds import KINDS
from unseen.node.mandates.register import Mandates
from unseen.node.mandates.showing import reconcile
from unseen.node.metering.meter import Meter
from unseen.node.openings.register import Orders
from unseen.node.registration.local import open_rows
from unseen.node.release import reviewing
from unseen.node.release.register import Releases
from unseen.node.runs.sweeping import sweep_all
from unseen.node.server import make_server
from unseen.node.setup import (
    Keys,
    NewNode,
    Setup,
    initialise,
    log_origin,
    open_keys,
    server_certificate,
    state_path,
)
from unseen.node.store.engine import lock_state, open_engine
from unseen.node.store.reader import Reader, newest_time
from unseen.node.store.writer import Change, Transaction, Writer

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json

__all__ = [
    "Enrolment",
    "NewNode",
    "Setup",
    "hand_over",
    "initialise",
    "make_cluster",
    "open_rows",
    "run",
    "run_scheduler",
    "run_worker",
    "serve",
    "take_over",
]

_logger = logging.getLogger("unseen.node")
_SWEEP_SECONDS = 15.0
Ready = Callable[[str], None]


def run(
    home: Path,
    *,
    passphrase: bytes | None = None,
    ready: Ready | None = None,
    executor: str | None = None,
) -> None:
    """Serve from `home` until SIGTERM or SIGINT; `ready` is called with the address.

    `executor` stands in the place of the setting.

    Raises:
        NodeFaultError: the home, its keys, its log or the address cannot be used.

    """
    harden()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="INFO")
    logging.getLogger("alembic").setLevel("WARNING")
    asyncio.run(serve(home, passphrase=passphrase, ready=ready, executor=executor))


async def serve(
    home: Path,
    *,
    passphrase: bytes | None = None,
    ready: Ready | None = None,
    executor: str | None = None,
) -> None:
    """Serve from `home` until this task is cancelled or a signal arrives."""
    settings = load_settings(home, **({"executor": executor} if executor else {}))
    held = lock_state(home)
    try:
        refuse_if_over(home)
        keys = open_keys(home, settings, passphrase)
        node = await _open(home, settings, keys)
        try:
            await _serve(node, keys, ready)
        finally:
            await _close(node)
    finally:
        os.close(held)


async def _serve(node: Node, keys: Keys, ready: Ready | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError, NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop.set)
    try:
        certificate = server_certificate(keys, node.settings, node.clock)
        server, health_servicer = make_server(node, certificate)
    except RuntimeError:
        raise ConfigInvalidError(
            f"the address {node.settings.listen} cannot be bound",
            clause="node.listen",
            remedy="stop what uses it, or set another `listen` in node.toml and as the address in"
            " operator/profile.json",
        ) from None
    # Who withdrew before the stop counts from the first question on; so do this release's rules,
    # and the units of what waits for a person.
    rotation.due(node)
    await settle_at_start(node)
    reviewing.resume(node)
    await server.start()
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    await consent_register.finish_withdrawals(node)
    await lifecycle.resume(node)
    background = [asyncio.create_task(_sweep(node)), asyncio.create_task(node.jobs.serve())]
    _logger.info("node %s answers at %s", node.settings.name, node.address)
    if ready:
        ready(node.address)
    try:
        await stop.wait()
    finally:
        for task in background:
            task.cancel()
        await _drain(node, server, health_servicer)


async def _drain(
    node: Node, server: grpc.aio.Server, health_servicer: health.aio.HealthServicer
) -> None:
    _logger.info("draining %d requests in flight", len(node.in_flight))
    node.draining = True
    await health_servicer.enter_graceful_shutdown()
    await server.stop(node.settings.drain_seconds)


async def _sweep(node: Node) -> None:
    while True:
        for step in _SWEPT:
            try:
                await step(node)
            except Exception as error:  # noqa: BLE001 - the next may succeed, and the next sweep
                _logger.error("the sweep failed; it is tried again: %s", whereabouts(error))  # noqa: TRY400
        node.consents.hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SWEEP_SECONDS):
                await node.consents.hurry.wait()


async def _expire(node: Node) -> None:
    await node.jobs.expire()


_SWEPT = (
    warming.sweep,
    lifecycle.sweep,
    reconcile,
    reviewing.sweep,
    sweep_all,
    _expire,
)


async def _open(home: Path, settings: Settings, keys: Keys) -> Node:
    log = NodeLog(log_origin(settings.name), keys.log)
    with _readable_state():
        engine = open_engine(state_path(home))
        log.load(engine)
        refuse_if_leaving(engine)
    clock = Clock(floor=newest_time(engine))
    writer = Writer(engine, log, clock)
    await writer.submit(_Started(keys.evidence.suite, version("unseen")))
    warming.settle(home)
    executor = make_executor(settings, home)
    await executor.start()
    node = Node(
        home=home,
        settings=settings,
        vault=keys.vault,
        authority=keys.authority,
        signer=keys.evidence,
        log_key=keys.log.public_key,
        engine=engine,
        clock=clock,
        log=log,
        writer=writer,
        reader=Reader(engine),
        parties=Parties(engine, keys.authority.certificate),
        catalogue=Catalogue(engine),
        rulebook=Rulebook(await writer.submit(LoadRules(keys.evidence.suite))),
        templates=Templates(engine),
        contracts=Contracts(engine),
        releases=Releases(engine),
        stops=Stops(engine),
        epochs=Epochs(engine, keys.vault, keys.evidence),
        mandates=Mandates(engine),
        executor=executor,
        meter=Meter(),
        orders=Orders(engine),
        consents=_consents(engine, keys),
    )
    node.jobs = Driver(node, KINDS)
    _clear_spool(node)
    return node


def _clear_spool(node: Node) -> None:
    """Delete what unfinished work left behind, but for what its job goes on from."""
    kept = {job.id for job in node.jobs.live()}
    for path in node.spool_path("").glob("*"):
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _consents(engine: Engine, keys: Keys) -> Consents:
    with engine.connect() as connection:
        suite = keys.evidence.suite
        return Consents(load_keys(connection, keys.vault, suite, signer_id(keys.evidence)))


async def _close(node: Node) -> None:
    running = [task for _, task in node.in_flight.values()]
    if running:
        await asyncio.wait(running, timeout=node.settings.drain_seconds)
    await node.jobs.close()
    node.joint.close()
    for task in node.background:
        task.cancel()
    await asyncio.gather(*node.background, return_exceptions=True)
    await node.executor.close()
    await asyncio.to_thread(node.writer.close)
    node.reader.close()
    node.engine.dispose()


@contextlib.contextmanager
def _readable_state() -> Iterator[None]:
    try:
        yield
    except OperationalError:
        raise StorageFullError(
            "the state cannot be opened for writing",
            clause="node.state",
            remedy="free disk space under the node's home and check who may write there",
        ) from None
    except DatabaseError:
        raise LogMismatchError(
            "the stored state is damaged",
            clause="node.state",
            remedy="change nothing, copy the home as evidence, then see docs/operations.md",
        ) from None


class _Started(Change[None]):
    """Note in the log that the node was started."""

    def __init__(self, suite: Suite, release: str) -> None:
        self._suite = suite
        self._release = release

    def apply(self, transaction: Transaction) -> None:
        """Write the leaf."""
        fields: dict[str, Json] = {"version": self._release}
        transaction.append(event_leaf(self._suite, "node.started", transaction.now, fields))
