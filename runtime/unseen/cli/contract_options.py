"""The options that say what a contract is asked for, and the files some of them name."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unseen.client.agreements.wishes import Clauses
    from unseen.client.api import Client
    from unseen.evidence.contracts.encrypted import Encrypted
    from unseen.evidence.contracts.joint import Joint
    from unseen.protocols.train import Spec

OutputsOption = Annotated[
    str, typer.Option(help="Names of the questions, with commas; a training names its own.")
]
ScenarioOption = Annotated[str, typer.Option(help="What the answers are for, in one word.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseOptions:
    """What a contract is to say beside product, outputs, scenario and units."""

    days: Annotated[int, typer.Option(min=1, help="How many days from now.")] = 30
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Units within a minute; without it, all of them.")
    ] = None
    openings: Annotated[
        bool, typer.Option("--openings", help="Agree to open hidden queries on a lawful order.")
    ] = False
    template: Annotated[
        str,
        typer.Option(help="Stay within this template: then it needs no signature of its signers."),
    ] = ""
    order: Annotated[str, typer.Option(help="Number of the order at a data exchange.")] = ""
    region: Annotated[str, typer.Option(help="Where the answers are used, as CN or CN-44.")] = ""
    group: Annotated[int, typer.Option(min=0, help="Smallest group of an aggregate.")] = 0
    budget: Annotated[str, typer.Option(help="Most epsilon of aggregates, in decimal.")] = ""
    declare: Annotated[
        list[str] | None, typer.Option("--declare", help="A sentence that you sign with it.")
    ] = None
    declare_all: Annotated[
        bool, typer.Option("--declare-all", help="Declare what the template asks to be declared.")
    ] = False
    joint: Annotated[
        Path | None,
        typer.Option(
            "--joint",
            exists=True,
            dir_okay=False,
            help="File with the joint clause: add this node's numbers up with other nodes'.",
        ),
    ] = None
    train: Annotated[
        Path | None,
        typer.Option(
            "--train",
            exists=True,
            dir_okay=False,
            help="TOML file of a training: over the nodes of --joint, or under encryption at this"
            " one.",
        ),
    ] = None
    way: Annotated[
        str,
        typer.Option(
            help="How hidden questions reach their row, oprf_table or lwe_pir; without it, as"
            " labels and size allow."
        ),
    ] = ""

    def clauses(self, client: "Client", product: str) -> "Clauses":
        """Return what they say, as `client` is asked for a contract over `product`.

        Raises:
            UsageError: a file is malformed, or a training is over no nodes.

        """
        joint = None if self.joint is None else read_clause(self.joint)
        train = None if self.train is None else read_training(client, product, self.train, joint)
        return {
            "days": self.days,
            "per_minute": self.per_minute,
            "openings": self.openings,
            "template": self.template,
            "order": self.order,
            "region": self.region,
            "group": self.group,
            "budget": self.budget,
            "declarations": self._declarations(client),
            "joint": joint,
            "train": train,
            "way": self.way,
        }

    def _declarations(self, client: "Client") -> tuple[str, ...]:
        """Return what was typed, and with `declare_all` what the template asks before it."""
        everything = self.template and self.declare_all
        asked = client.template(self.template).template.declarations if everything else ()
        return tuple(dict.fromkeys((*asked, *(self.declare or ()))))


def split(outputs: str) -> list[str]:
    """Return the names in a text with commas."""
    return [name.strip() for name in outputs.split(",") if name.strip()]


def asked_for(outputs: str, spec: "Spec | Encrypted | None") -> "Sequence[str]":
    """Return what is asked for: what was typed, or what a training names."""
    if spec is None and not outputs:
        raise UsageError(
            "a contract names what it lets be asked",
            clause="outputs",
            remedy="give --outputs NAME,NAME, or --train FILE",
        )
    if outputs or spec is None:
        return split(outputs)
    from unseen.evidence.contracts.encrypted import Encrypted
    from unseen.evidence.contracts.training.clause import names_of

    return spec.names if isinstance(spec, Encrypted) else names_of(spec)


def read_training(
    client: "Client", product: str, path: Path, clause: "Joint | None"
) -> "Spec | Encrypted":
    """Return the training in a file, over the columns of a product and the nodes of a clause.

    One under encryption is at one node, and over no clause.

    Raises:
        UsageError: the clause is missing, or one is given that the training is not over.
        ContractInvalidError: the file says no training over these columns.

    """
    from unseen.client.joint.training import make_training, offered
    from unseen.evidence.contracts.training.encrypted_file import (
        is_encrypted_file,
        parse_encrypted,
    )

    data = path.read_bytes()
    if is_encrypted_file(data):
        if clause is not None:
            raise UsageError(
                "a training under encryption is at one node",
                clause="joint",
                remedy="leave --joint out; or protocol out of the file, to train jointly",
            )
        return parse_encrypted(data, offered(client.products(), product))
    if clause is None:
        raise UsageError(
            "a training is over several nodes",
            clause="joint",
            remedy="write a clause: unseen train clause; and give it with --joint FILE; or write"
            ' protocol = "ckks" into the file, to train at this node under encryption',
        )
    return make_training(data, offered(client.products(), product), clause)


def read_clause(path: Path) -> "Joint":
    """Return the joint clause in a file; it may be laid out over several lines.

    Raises:
        UsageError: the file is no JSON.
        ContractInvalidError: it holds no joint clause.

    """
    from unseen.evidence.contracts.joint import Joint

    try:
        return Joint.from_json(json.loads(path.read_bytes()))
    except ValueError:
        raise UsageError(
            f"{path} is no JSON",
            clause="joint",
            remedy="write it with: unseen statistics joint clause",
        ) from None
