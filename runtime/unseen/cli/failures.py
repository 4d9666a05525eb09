"""Every failure a user sees: what happened, which clause, what to do, and the exit code.

0 done    2 usage or this machine    3 refused by policy    4 not reachable    5 proof failed
"""

import json
from typing import Any, Final

import typer
from typer.core import TyperGroup

from unseen.cli.hints import commands, pasted
from unseen.cli.output import Format, chosen_format, error_console
from unseen.cli.words import hoisted, say
from unseen.protocols.errors import UnseenError

USAGE: Final = 2
REFUSED: Final = 3
UNREACHABLE: Final = 4
PROOF_FAILED: Final = 5

_TITLES = {
    USAGE: "Cannot do that",
    REFUSED: "Refused",
    UNREACHABLE: "Not reachable",
    PROOF_FAILED: "Proof failed",
}
_TITLES_BY_REASON = {"DEMO_FAILED": "The demo stopped"}  # whatever it was: no proof has failed
_REMEDIES_BY_REASON = {
    "CANONICAL_INVALID": "see that it is the file you mean: it is none that unseen writes",
    "CONTRACT_STATE": "see who has to act next: unseen contract show ID",
    "LOG_FORKED": "stop using this node; the evidence lies in the home's evidence/ folder",
    "RULES_INVALID": "correct what the clause names; a file that holds: unseen node rules show",
    "TEMPLATE_INVALID": "correct what the clause names; one that holds: "
    "unseen template show licence-check --toml",
    "TRUST_MISSING": "add the key to the trust file, if you know whose it is",
}
_REMEDIES = {
    USAGE: "see --help of this command",
    REFUSED: "ask the operator of the node",
    UNREACHABLE: "run `unseen doctor`",
    PROOF_FAILED: "do not rely on it; ask whoever gave it to you for the original",
}


class FailingGroup(TyperGroup):
    """The root command: what is raised on purpose ends in a panel and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; `--lang` may stand anywhere among them."""
        return list(super().parse_args(ctx, hoisted(self, args)))

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except UnseenError as error:
            show(error, chosen_format(ctx))
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            found = UsageError(
                f"{error.strerror or type(error).__name__}: {error.filename or 'a file'}",
                clause="file",
                remedy="check the path and its permissions",
            )
            show(found, chosen_format(ctx))
            raise typer.Exit(USAGE) from None


class UsageError(UnseenError):
    """What was typed cannot be done."""

    reason = "USAGE"


def exit_code(error: UnseenError) -> int:
    """Return the exit code that `error` ends a command with."""
    # Loaded here: the client imports gRPC, and `--help` must not wait for it.
    from unseen.client.errors import NodeError, RefusedError, UnreachableError
    from unseen.evidence.errors import EvidenceError
    from unseen.protocols.errors import PeerError

    if isinstance(error, RefusedError):
        return REFUSED
    if isinstance(error, (UnreachableError, NodeError)):
        return UNREACHABLE
    if isinstance(error, (EvidenceError, PeerError)):
        return PROOF_FAILED
    return USAGE


def show(error: UnseenError, form: Format) -> None:
    """Write `error` to standard error: a panel, or one JSON object."""
    code = exit_code(error)
    clause = error.clause or error.reason.lower()
    remedy = error.remedy or _REMEDIES_BY_REASON.get(error.reason, _REMEDIES[code])
    charged = bool(getattr(error, "charged", False))
    if form is Format.JSON:
        body = {
            "reason": error.reason,
            "message": str(error),
            "clause": clause,
            "remedy": remedy,
            "charged": charged,
            "exit_code": code,
        }
        typer.echo(json.dumps(body, ensure_ascii=False), err=True)
        return
    from rich.panel import Panel
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(say("what"), _plain(str(error) or error.reason))
    grid.add_row(say("reason"), _plain(error.reason))
    grid.add_row(say("clause"), _plain(clause))
    grid.add_row(say("remedy"), _plain(pasted(say(remedy))))
    if charged:
        grid.add_row(say("charged"), say("yes: fetch the answer by its request id"))
    panel = Panel(
        grid,
        title=say(_TITLES_BY_REASON.get(error.reason, _TITLES[code])),
        border_style="red",
        title_align="left",
        expand=False,
    )
    screen = error_console()
    screen.print(panel)
    with screen.capture() as printed:
        screen.print(panel)
    for command in commands(remedy):
        if command not in printed.get():  # what is broken into lines cannot be pasted
            typer.echo(f"  {command}", err=True)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)  # square brackets in a message are not markup
