"""A table that is a model, as what scores rows: read from the bytes that its snapshot is of."""

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING

from unseen.evidence.contracts.scoring import ModelShape, Offered, Wanted
from unseen.evidence.contracts.scoring_rings import bounds_of, check_layers
from unseen.node.data.source import Fingerprint, Source, changed, unreadable
from unseen.node.errors import KindRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unseen.protocols.he.models import Model
    from unseen.protocols.train.spec import Feature


def read_model(
    source: Source,
    expected: Fingerprint,
    features: "Sequence[Feature]",
    output: str,
    reach: int = 0,
) -> "Model":
    """Return the model of a table over these columns; `output` and `reach` as in `Wanted`.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.
        KindRefusedError: the table is of rows, and no model.
        ModelInvalidError: the file is none that is scored with; the clause says why.
        TableChangedError: it is not the file that was registered.
        TableUnreadableError: it is missing or cannot be read.

    """
    from unseen.protocols.he.models import Fit, from_onnx  # noqa: PLC0415 - with vectors' library

    if source.format != "onnx":
        raise KindRefusedError(
            "this table has rows, and only a model scores",
            clause="product.table",
            remedy="register one: unseen table add NAME MODEL.onnx --subject constant,place",
        )
    try:
        data = source.path.read_bytes()
    except OSError as error:
        raise unreadable(error) from None
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        raise changed()
    fit = Fit(degree=2, reach=reach) if reach else None
    return from_onnx(data, features, fit=fit, output=output)


def offered(model: "Model", wanted: Wanted) -> Offered:
    """Return what is public of a model that is offered: its shape, and bounds that are powers of 2.

    Raises:
        ContractInvalidError: no ring is large enough for such scores, or the model has more layers
            than one of squares.
        ModelInvalidError: its weights need too many bits.

    """
    from unseen.protocols.he.scorers import demanded  # noqa: PLC0415 - with vectors' library

    shape = ModelShape(family=model.family, features=model.features, layers=model.sizes)
    check_layers(shape.layers)
    demand = demanded(model, Fraction(wanted.precision), 1)
    return Offered(
        model=shape,
        bounds=bounds_of(demand),
        precision=wanted.precision,
        most=wanted.most,
        output=wanted.output,
        reach=wanted.reach,
    )
