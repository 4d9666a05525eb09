"""What a worker can do, by name. Parts in, parts out; settings travel as canonical JSON.

Those over elements and consents stand here. Modules that read tables are imported inside their
tasks: a worker that only evaluates blinded elements never loads DuckDB.
"""

import functools
import secrets

from unseen.evidence import canonical
from unseen.evidence.suite import suite_of
from unseen.node.jobs import (
    count_tasks,
    frames,
    score_tasks,
    set_tasks,
    table_tasks,
    train_tasks,
)
from unseen.node.jobs.task import Progress, Task, read_json
from unseen.protocols.errors import ElementInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.server import evaluate
from unseen.protocols.oprf.suite import Mode


def voprf(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Private scalar, public key, then blinded elements -> evaluated elements, then the proof."""
    scalar, public_key, *elements = parts
    if len(elements) > 1:  # one by itself is refused by its multiplication
        check_elements([b"0", *elements], _progress)
    key = PrivateKey(scalar, public_key)
    result = evaluate(key, elements, Mode.VOPRF, secrets.token_bytes)
    return [*result.elements, result.proof]


def admit_consents(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Desk as JSON, private scalar, secret, then frames of consent and chain -> a row as JSON each.

    What cannot be taken has an error in the place of its row.
    """
    from unseen.node.consent.admission import Desk, admit  # noqa: PLC0415
    from unseen.node.consent.tree import sealer_of  # noqa: PLC0415

    ask = read_json(parts[0])
    desk = Desk(
        suite_of(ask["suite"]),
        canonical.b64decode(ask["hub_key"]),
        canonical.parse_time(ask["at"]),
        PrivateKey.from_scalar(parts[1]),
        sealer_of(parts[2]),
    )
    rows = []
    for framed in parts[3:]:
        token, *chain = (part.decode() for part in frames.unpack(framed))
        rows.append(canonical.encode(admit(desk, token, chain)))
    return rows


def check_elements(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Place of the first, then elements of a batch -> nothing. A twentieth of evaluating them.

    Raises:
        ElementInvalidError: one is not valid; `position` is its place in the batch.

    """
    for position, element in enumerate(parts[1:], int(parts[0])):
        try:
            ristretto255.check_element(element)
        except ElementInvalidError:
            raise ElementInvalidError(position=position) from None
    return []


def voprf_part(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Private scalar, then some of a batch's blinded elements -> evaluated elements."""
    scalar, *elements = parts
    return list(ristretto255.multiply_each(scalar, elements))


def voprf_sum(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Seed, place of the first, then as many blinded as evaluated elements -> their composite."""
    seed, start, *elements = parts
    half = len(elements) // 2
    return [dleq.composite(seed, int(start), elements[:half], elements[half:])]


def voprf_proof(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Private scalar, public key, then the composites of a batch's pieces -> its proof."""
    scalar, public_key, *sums = parts
    first = functools.reduce(ristretto255.add, sums)
    return [dleq.prove_composite(PrivateKey(scalar, public_key), first, secrets.token_bytes)]


def warm_up(_parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Nothing -> the names of the kernels, once they are compiled and tried.

    Raises:
        KernelFaultError: this machine computes one of them wrongly.

    """
    from unseen.protocols.kernels import warming  # noqa: PLC0415 - vectors' library comes with it

    return [warming.warm_up().encode()]


def warm_matrix(_parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Nothing -> the name of what multiplies bytes with words, once it is there and tried.

    Raises:
        KernelFaultError: this machine multiplies wrongly.

    """
    from unseen.protocols.kernels import matrix  # noqa: PLC0415 - as above

    return [f"matrix {matrix.warm_up()}".encode()]


def warm_rings(_parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Nothing -> the names of what computes with ciphertexts, once it is compiled and tried.

    Raises:
        KernelFaultError: this machine computes one of them wrongly.

    """
    from unseen.protocols.kernels import warming  # noqa: PLC0415 - as above

    return [warming.warm_rings().encode()]


TASKS: dict[str, Task] = {
    task.__name__: task
    for task in (
        voprf,
        admit_consents,
        check_elements,
        voprf_part,
        voprf_sum,
        voprf_proof,
        table_tasks.inspect_table,
        table_tasks.open_rows,
        table_tasks.check_predicates,
        table_tasks.check_subjects,
        table_tasks.verify_subject,
        table_tasks.match_subject,
        count_tasks.count_noisy,
        count_tasks.count_plain,
        count_tasks.add_noise,
        count_tasks.train_step,
        count_tasks.attack_model,
        count_tasks.count_exact,
        count_tasks.hide_cells,
        table_tasks.fill_table,
        table_tasks.merge_table,
        table_tasks.lwe_answer,
        table_tasks.lwe_digests,
        set_tasks.intersect_stretch,
        set_tasks.intersect_part,
        set_tasks.intersect_answer,
        set_tasks.intersect_mask,
        set_tasks.intersect_count,
        score_tasks.read_model,
        score_tasks.score_batches,
        train_tasks.train_gradient,
        warm_up,
        warm_matrix,
        warm_rings,
    )
}
