"""A node whose part of a joint sum is made up, so that a round has as many numbers as it shall.

    python -m unseen.bench.adding HOME

Everything else is the node that an operator serves: contract and ledger, gate, masks, charge and
receipt, mutual TLS. A part is as long as the payload says, made once, and gets its noise anew in
each round. The address is printed on one line when the node answers.
"""

import secrets
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unseen.bench.parts import RHO, SIGMA2, part
from unseen.evidence.canonical import b64decode
from unseen.node import main as serving
from unseen.node.joint import kinds
from unseen.node.joint.contribution import Asked, Contribution, Contributor, Outline
from unseen.protocols.dp import Distributed
from unseen.protocols.secagg import PartyNoise

if TYPE_CHECKING:
    from unseen.protocols.secagg.parameters import Round

_MOST_BYTES = 16


def outline(asked: Asked) -> Outline:
    """Return as many coordinates as the payload says, at a cost that no budget feels."""
    return Outline(int(asked.payload), Fraction(RHO))


async def contribute(node: Any, asked: Asked, parameters: "Round") -> Contribution:
    """Return this node's part, and noise for it."""
    table = node.catalogue.table(asked.contract.terms.table)
    spread = Distributed(SIGMA2, asked.clause.honest, parameters.dimension)
    return Contribution(
        vector=_part(node.settings.name, parameters.dimension),
        people=table.snapshot.rows,
        snapshot=b64decode(table.snapshot.commitment),
        noise=PartyNoise(spread, parameters, secrets.token_bytes),
    )


@cache
def _part(name: str, dimension: int) -> NDArray[np.int64]:
    return part(name, dimension)


def main(home: str) -> None:
    """Serve a home until the process is ended."""
    kinds.CONTRIBUTORS["statistics"] = Contributor(_MOST_BYTES, outline, contribute)

    def ready(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()

    serving.run(Path(home), ready=ready)


if __name__ == "__main__":
    main(sys.argv[1])
