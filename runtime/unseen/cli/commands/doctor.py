"""`unseen doctor`: what works here and what does not, with the remedy for each."""

import datetime as dt
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unseen.cli import failures
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_list
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.client.api import Client

State = Literal["ok", "note", "fail"]
_SKEW_SECONDS = 60
_LOOK_BACK = 100  # jobs
_WITH_NOISE = ("statistics", "train")  # kinds of products


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `code` is the exit code if it failed."""

    name: str
    state: State
    found: str
    remedy: str = ""
    code: int = failures.USAGE


SandboxUidOption = Annotated[
    int | None,
    typer.Option(min=1, help="The user that the superuser's node would run code of others as."),
]


def doctor(
    home: HomeOption = DEFAULT_HOME,
    sandbox_uid: SandboxUidOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check this installation, what code of others could run behind, this home and the node."""
    checks = [*_installation(), *_sandbox(sandbox_uid), *_home(home)]
    print_list(
        form,
        [{"name": c.name, "state": c.state, "found": c.found, "remedy": c.remedy} for c in checks],
        ("", "what", "found", "remedy"),
        [(c.state, c.name, c.found, c.remedy) for c in checks],
        empty="",
    )
    failed = [check.code for check in checks if check.state == "fail"]
    if failed:
        raise typer.Exit(max(failed))


def _installation() -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    old = sys.version_info < (3, 11)
    yield Check("python", "fail" if old else "ok", version, "install Python 3.11" if old else "")
    libraries: tuple[tuple[str, str, State, str], ...] = (
        ("client libraries", "", "fail", "install the project again"),
        ("node libraries", "node", "note", "only a node needs them: install unseen[node]"),
        (
            "kernel libraries",
            "kernels",
            "note",
            "only secure aggregation needs them: install unseen[kernels]",
        ),
        ("scoring libraries", "he", "note", "only scores need them: install unseen[he]"),
    )
    for what, extra, state, remedy in libraries:
        names = _required(extra)
        missing = [name for name in names if not _installed(name)]
        if missing:
            yield Check(what, state, ", ".join(missing), remedy)
        else:
            yield Check(what, "ok", ", ".join(names))


def _sandbox(uid: int | None) -> Iterator[Check]:
    """Try the walls that code of others runs behind; only a node needs them."""
    from unseen.sandbox import environment, probe

    found = probe.examined(environment.of_this_process(), uid)
    if found.runner is not None:
        yield Check("sandbox", "ok", f"tier {found.tier.name}: a job ran, and no attempt got out")
    else:
        yield Check("sandbox", "note", "tier S0: code of others is refused")
    for missing in found.missing:
        said = f"not {missing.tier.name}: {missing.feature}: {missing.found}"
        yield Check("sandbox", "note", said, missing.remedy)


def _required(extra: str) -> list[str]:
    """Return the libraries that the package asks for, by name: the base's, or those of `extra`."""
    found = []
    for line in importlib.metadata.requires("unseen") or ():
        name, _, marker = line.partition(";")
        of = re.search(r"extra == ['\"]([\w-]+)", marker)
        if (of[1] if of else "") == extra:
            found.append(re.split(r"[^\w.-]", name.strip())[0])
    return sorted(found)


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _home(path: Path) -> Iterator[Check]:
    from unseen.client import Client as Opened
    from unseen.client.local import identity
    from unseen.client.local.home import find_home

    try:
        home = find_home(path)
    except UnseenError as error:
        yield Check("home", "note", str(error), error.remedy)
        return
    yield Check("home", "ok", str(home.root))
    exposed = [key.name for key in (home.root / "keys").iterdir() if key.stat().st_mode & 0o077]
    if exposed:
        yield Check("keys", "fail", f"others can read {', '.join(exposed)}", "chmod 600 keys/*")
    else:
        yield Check("keys", "ok", "readable by their owner only")
    try:
        yield _certificate(identity.expires(home))
        with Opened(home.root) as client:
            yield from _node(client)
            yield from _builds(client)
            yield from _privacy(client)
            yield from _reviews(client)
            missing = client.unanswered()
    except UnseenError as error:
        code = failures.exit_code(error)
        remedy = error.remedy or "see the message"
        yield Check("node" if code != failures.USAGE else "home", "fail", str(error), remedy, code)
        return
    if missing:
        remedy = f"unseen receipt fetch {missing[0]}"
        yield Check("answers", "note", f"{len(missing)} have not arrived", remedy)
    else:
        yield Check("answers", "ok", "all have arrived")


def _builds(client: "Client") -> Iterator[Check]:
    """Look for contracts whose newest table could not be built."""
    from unseen.client.jobs import JobState

    if client.profile.role not in ("operator", "buyer"):
        return
    failed = client.jobs(states=[JobState.FAILED, JobState.CANCELLED], limit=_LOOK_BACK)
    contracts = {job.contract for job in failed if job.kind == "build"}
    newest = [
        next((job for job in client.jobs(contract, limit=_LOOK_BACK) if job.kind == "build"), None)
        for contract in sorted(contracts)
    ]
    bad = [job for job in newest if job and job.state in (JobState.FAILED, JobState.CANCELLED)]
    if not bad:
        yield Check("builds", "ok", "no table of a contract is missing")
        return
    said = f"{len(bad)} contracts miss a table, {bad[0].contract}: {bad[0].failure or 'cancelled'}"
    remedy = f"unseen job show {bad[0].id}"
    if client.profile.role == "operator":
        yield Check("builds", "fail", said, f"{remedy}, then: unseen job retry {bad[0].id}")
    else:
        yield Check("builds", "note", said, remedy)


def _privacy(client: "Client") -> Iterator[Check]:
    """Look at what may still be answered with noise; only an operator can do something about it."""
    if client.profile.role != "operator":
        return
    ledgers = {ledger.table: ledger for ledger in client.privacy_ledgers()}
    asked = {each.table for each in client.products() if each.kind in _WITH_NOISE}
    for table in sorted(asked | ledgers.keys()):
        ledger = ledgers.get(table)
        if ledger is None or not ledger.epsilon:
            said = f"table {table} has no budget: nothing with noise leaves"
            remedy = f"unseen table budget {table} --epsilon E --delta D"
            yield Check("privacy", "note", said, remedy)
            continue
        said = f"table {table}: epsilon {ledger.spent_epsilon or '0'} of {ledger.epsilon} is spent"
        if ledger.left:
            yield Check("privacy", "ok", said)
        else:
            remedy = f"see by whom: unseen privacy show {table}"
            yield Check("privacy", "note", f"{said}: nothing with noise leaves any more", remedy)


def _reviews(client: "Client") -> Iterator[Check]:
    """Look for what the gate holds until this party has decided."""
    if client.profile.role not in ("operator", "approver"):
        return
    if waiting := client.reviews():
        first = min(review.expires_at for review in waiting)
        verb = "waits" if len(waiting) == 1 else "wait, the first"
        said = f"{len(waiting)} {verb} until {first}"
        yield Check("reviews", "note", said, "unseen review list")
    else:
        yield Check("reviews", "ok", "none waits")


def _certificate(expires: dt.datetime) -> Check:
    days = (expires - dt.datetime.now(dt.UTC)).days
    if days < 0:
        return Check("certificate", "fail", f"ended {expires:%Y-%m-%d}", "unseen instance renew")
    return Check("certificate", "ok", f"good until {expires:%Y-%m-%d}")


def _node(client: "Client") -> Iterator[Check]:
    from unseen.evidence.canonical import parse_time

    node = client.node()
    yield Check("node", "ok", f"{node.name} {node.version} at {node.address}")
    yield Check("caller", "ok", f"known as {node.caller} ({node.caller_role})")
    if node.stop is not None:
        yield Check("stopped", "note", str(node.stop), "the operator: unseen node resume")
    if node.pinned:
        yield Check("keys of the node", "ok", "as pinned")
    else:
        remedy = "stop using it until its operator explains"
        code = failures.PROOF_FAILED
        yield Check("keys of the node", "fail", "other than pinned", remedy, code)
    yield Check("log", "ok", f"{node.log_origin}, {node.log_size} entries, extends what was seen")
    skew = abs((parse_time(node.time) - dt.datetime.now(dt.UTC)).total_seconds())
    if skew > _SKEW_SECONDS:
        yield Check("clock", "fail", f"{skew:.0f} s from the node's", "set the clock, e.g. by NTP")
    else:
        yield Check("clock", "ok", "agrees with the node's")
