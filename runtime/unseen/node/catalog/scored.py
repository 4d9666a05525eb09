"""Taking a model into the catalogue: a worker reads it, what is public is offered."""

from unseen.evidence import canonical
from unseen.evidence.contracts.scoring import KIND, Offered, Wanted
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError


def check_score(kind: str, wanted: Wanted | None, *, alone: bool) -> None:
    """Return if a product of this kind says what it scores, and nothing beside.

    Raises:
        FieldInvalidError: it is one of scores and does not, or none and does.

    """
    if (kind == KIND) != (wanted is not None) or (wanted is not None and not alone):
        raise FieldInvalidError(
            f"a product of kind {KIND} says which columns are scored, and no other one does",
            clause="product.score",
            remedy=f"offer it with: unseen product add NAME --kind {KIND} --features FILE.toml",
        )


async def scored(node: Node, wanted: Wanted, table: Table) -> Offered:
    """Return what is offered of the model that a table is.

    Raises:
        ContractInvalidError: no ring is large enough for such scores.
        KindRefusedError: the table is of rows, and no model.
        ModelInvalidError: the file is none that is scored with; the clause says why.
        TableChangedError: it is not the file that was registered.

    """
    ask: dict[str, canonical.Json] = {
        "source": table.source,
        "fingerprint": table.snapshot.fingerprint.to_json(),
    }
    parts = [canonical.encode(ask), wanted.encode()]
    (found,) = await node.executor.run_bulk("read_model", parts)
    return Offered.decode(found)
