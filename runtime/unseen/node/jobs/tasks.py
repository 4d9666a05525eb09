"""What a worker can do, by name. Parts in, parts out; settings travel as canonical JSON.

Modules that read tables are imported inside their tasks: a worker that only evaluates blinded
elements never loads DuckDB.
"""

import functools
import os
import secrets
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.evidence import canonical
from unseen.evidence.consents.subjects import DataSubject
from unseen.evidence.contracts.intersection import Intersection
from unseen.evidence.releases.answers import tree_of_answer
from unseen.evidence.suite import suite_of
from unseen.node.errors import PredicateFailsError
from unseen.node.jobs import frames
from unseen.protocols.errors import ElementInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.group.elgamal import Share
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.subject import SubjectColumn, with_forms
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.server import evaluate
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.smt.index import index_of

if TYPE_CHECKING:
    from unseen.node.data.point import Where

Progress = Callable[[int], None]
Task = Callable[[list[bytes], Progress], list[bytes]]

_POINT_MEMORY_MB = 64


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

    ask = _json(parts[0])
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


def inspect_table(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Source and subject columns as JSON, salt -> schema, rows, commitment as JSON."""
    from unseen.node.data import scan, source  # noqa: PLC0415 - see the module's docstring
    from unseen.node.data.connection import connect, reading  # noqa: PLC0415

    ask = _json(parts[0])
    where = source.Source.parse(ask["source"])
    fingerprint = source.take_fingerprint(where.path)
    connection = connect(where, memory_mb=ask["memory_mb"] // 2, spill=Path(ask["spool"]))
    try:
        with reading():
            schema = scan.read_schema(connection)
            subject = scan.subject_columns(schema, ask["subject"])
            scan.check_no_nulls(connection, ask["subject"])
            scan.check_no_duplicates(connection, ask["subject"])
            hasher = scan.SnapshotHasher(parts[1])
            for batch in scan.scan(connection, (), (), [column.name for column in schema]):
                hasher.add(batch.rows)
                progress(len(batch.rows))
    finally:
        connection.close()
    source.check_fingerprint(where.path, fingerprint)
    result: canonical.Json = {
        "columns": [{"name": column.name, "type": column.type} for column in schema],
        "subject": [{"name": column.name, "type": column.type} for column in subject],
        "rows": hasher.rows,
        "snapshot": canonical.b64encode(hasher.root()),
        "fingerprint": fingerprint.to_json(),
    }
    return [canonical.encode(result)]


def open_rows(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Source, columns and drawn rows as JSON, salt -> rows and proofs as JSON, root."""
    from unseen.node.data import opening, source  # noqa: PLC0415
    from unseen.node.registration.proofs import pack_found  # noqa: PLC0415

    ask = _json(parts[0])
    asked = opening.Asked(
        source.Source.parse(ask["source"]),
        tuple(ask["columns"]),
        ask["rows"],
        tuple(ask["chosen"]),
        ask["memory_mb"],
        Path(ask["spool"]),
    )
    found = opening.open_rows(asked, parts[1])
    return pack_found(found.rows, found.root, tuple(row.proof() for row in found.opened))


def check_predicates(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Source, columns and predicates as JSON -> for each predicate the columns that it reads."""
    from unseen.node.data import predicates, source  # noqa: PLC0415
    from unseen.node.data.connection import connect  # noqa: PLC0415

    ask = _json(parts[0])
    where = source.Source.parse(ask["source"])
    source.check_fingerprint(where.path, source.Fingerprint.from_json(ask["fingerprint"]))
    connection = connect(where, memory_mb=ask["memory_mb"] // 2, spill=Path(ask["spool"]))
    read: list[canonical.Json] = []
    try:
        for name, expression in ask["predicates"]:
            read.append(list(predicates.columns_read(connection, name, expression, ask["columns"])))
            predicates.check_rows(connection, name, expression)
    finally:
        connection.close()
    return [canonical.encode(read)]


def check_subjects(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Source, fingerprint and subject columns as JSON -> what their forms make of it, as JSON.

    `unusable` rows have no such form, and `repeated` ones are another row's subject.
    """
    from unseen.node.data import forms, source  # noqa: PLC0415

    ask = _json(parts[0])
    found = forms.count(
        source.Source.parse(ask["source"]),
        source.Fingerprint.from_json(ask["fingerprint"]),
        _columns(ask["subject"]),
        Path(ask["spool"]),
        memory_mb=ask["memory_mb"] // 2,
        progress=progress,
    )
    return [canonical.encode({"unusable": found.unusable, "repeated": found.repeated})]


def verify_subject(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Source, fingerprint, subject and predicates as JSON -> answers as JSON (null: unusable).

    With the key of the tree of consents as a second part the subject's place in it comes first; a
    predicate that fails on the row is then no answer and the parts of its error.
    """
    from unseen.node.data import point  # noqa: PLC0415

    ask = _json(parts[0])
    where, columns = _where(ask), _columns(ask["subject"])
    predicates = [(name, expression) for name, expression in ask["predicates"]]
    row = point.written(where, columns, ask["values"])

    def answers() -> bytes:
        if row is None:
            return canonical.encode([None] * len(predicates))
        return canonical.encode(list(point.answers(where, columns, row, predicates)))

    if len(parts) == 1:
        return [answers()]
    place = _place(parts[1], columns, ask["values"] if row is None else row)
    try:
        return [place, answers()]
    except PredicateFailsError as error:  # of this row: only who may know of the row may know
        return [place, b"", str(error).encode(), error.clause.encode(), error.remedy.encode()]


def match_subject(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Source, fingerprint, subject and its id's columns as JSON -> verdict as JSON, in a list.

    With the key of the tree of consents as a second part: for each row that makes a verdict, best
    first, the place of its subject in the tree and the verdict; for none, nothing.
    """
    from unseen.node.data import point  # noqa: PLC0415

    ask = _json(parts[0])
    columns = _columns(ask["subject"])
    rows = point.matching(_where(ask), columns, ask["match"], ask["values"])
    if len(parts) == 1:
        return [canonical.encode([rows[0][1] if rows else None])]
    pairs = [(_place(parts[1], columns, row), canonical.encode([whole])) for row, whole in rows]
    return [part for pair in pairs for part in pair]


def _place(scalar: bytes, columns: tuple[SubjectColumn, ...], values: Any) -> bytes:
    """Return a subject's place in the tree of consents, which names it as the table writes it."""
    texts = tuple(str(value) for value in values)
    subject = DataSubject.of(with_forms(columns, {}), texts)
    return index_of(PrivateKey.from_scalar(scalar), subject.data())


def _where(ask: Any) -> "Where":
    from unseen.node.data import point, source  # noqa: PLC0415

    return point.Where(
        source.Source.parse(ask["source"]),
        source.Fingerprint.from_json(ask["fingerprint"]),
        _POINT_MEMORY_MB,
        Path(ask["spool"]) / str(os.getpid()),
    )


def count_noisy(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Counting as JSON -> each raw table's noisy numbers as decimal texts, as JSON.

    A second part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.data.counting import decode_counting  # noqa: PLC0415

    tables = statistics.count_noisy(
        decode_counting(_json(parts[0])), b"".join(parts[1:]), secrets.token_bytes
    )
    return [canonical.encode([[str(number) for number in table] for table in tables])]


def count_plain(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Counting as JSON -> each raw table's numbers before any noise, as decimal texts, as JSON.

    A second part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.data.counting import decode_counting  # noqa: PLC0415

    tables = statistics.count_raw(decode_counting(_json(parts[0])), b"".join(parts[1:]))
    return [canonical.encode([[str(number) for number in table] for table in tables])]


def add_noise(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Variances as JSON, then what `count_plain` found in parts -> noisy numbers as there."""
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.statistics.found import summed  # noqa: PLC0415

    sigmas = [Fraction(sigma2) for sigma2 in _json(parts[0])]
    found = [[[int(number) for number in table] for table in _json(part)] for part in parts[1:]]
    tables = statistics.add_noise(sigmas, summed(found), secrets.token_bytes)
    return [canonical.encode([[str(number) for number in table] for table in tables])]


def train_step(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """What to keep rows by, reading, as JSON, payload -> the step's vector, bytes that are kept.

    The vector is before any noise, eight bytes a number. A fourth part opens the spool's list of
    those who consent, where there is one.
    """
    from unseen.node.data import kept, training  # noqa: PLC0415
    from unseen.node.data.trained import decode_reading  # noqa: PLC0415

    keep, reading = _json(parts[0]), decode_reading(_json(parts[1]))
    key, most, secret = keep["key"], keep["most"], b"".join(parts[3:])
    vector = training.vector(reading, parts[2], secret, key=key, most=most)
    return [vector, str(kept.size_of(key)).encode()]


def attack_model(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Reading as JSON, model -> what an attack with the node's own rows finds in it, as JSON.

    A third part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import training  # noqa: PLC0415
    from unseen.node.data.trained import decode_reading  # noqa: PLC0415

    reading = decode_reading(_json(parts[0]))
    found = training.attacked(reading, parts[1], b"".join(parts[2:]))
    return [canonical.encode(dict(found))]


def count_exact(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Counting as JSON -> persons in the table, and who is behind each number, as decimal texts.

    A second part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.data.counting import decode_counting  # noqa: PLC0415
    from unseen.node.statistics.found import write_exact  # noqa: PLC0415

    found = statistics.count_exact(decode_counting(_json(parts[0])), b"".join(parts[1:]))
    return [canonical.encode(write_exact(found))]


def hide_cells(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Sizes and columns of a table as JSON -> which cells are hidden, column by column, as JSON."""
    from unseen.node.statistics.exact import hide_encoded  # noqa: PLC0415

    return [canonical.encode(hide_encoded(_json(parts[0])))]


def fill_table(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Build spec as JSON, private scalar, salt -> how many rows had no form; the spool has others.

    A fourth part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import build  # noqa: PLC0415
    from unseen.node.data.spec import decode_spec  # noqa: PLC0415

    ask = _json(parts[0])
    spec, key = decode_spec(ask["spec"]), PrivateKey.from_scalar(parts[1])
    secret = parts[3] if len(parts) > 3 else b""
    unusable = build.fill(spec, key, parts[2], ask["part"], ask["parts"], progress, secret)
    return [b"%d" % unusable]


def merge_table(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Build spec as JSON, target path -> rows, bytes, fresh blocks as JSON, digest, root.

    A third part is the private scalar, of a hidden table.
    """
    from unseen.node.data import build  # noqa: PLC0415
    from unseen.node.data.spec import decode_spec  # noqa: PLC0415

    spec = decode_spec(_json(parts[0])["spec"])
    built = build.merge(spec, Path(parts[1].decode()), progress, b"".join(parts[2:]))
    counts = canonical.encode({"rows": built.rows, "size": built.size, "fresh": built.fresh})
    return [counts, built.digest, built.root]


def lwe_answer(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Path, shape and blocks as JSON, then queries -> of each, the answer of these blocks.

    Or the JSON names the file that the queries are in.
    """
    from unseen.node.data.answering import answers, read_queries  # noqa: PLC0415 - as above

    ask, queries = _json(parts[0]), parts[1:]
    shape = Shape(*ask["shape"])
    if "queries" in ask:
        queries = read_queries(Path(ask["queries"]), shape)
    return answers(Path(ask["path"]), shape, range(*ask["blocks"]), queries)


def lwe_digests(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Suite and shape as JSON, queries, as many answers -> queries' hashes, answers' roots."""
    ask, said = _json(parts[0]), parts[1:]
    suite, shape, half = suite_of(ask["suite"]), Shape(*ask["shape"]), len(said) // 2
    roots = [tree_of_answer(suite, shape, answer).root() for answer in said[half:]]
    return [*map(suite.digest, said[:half]), *roots]


def intersect_stretch(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading, set and bytes before it as JSON, session, scalar -> the file of a stretch of it."""
    from unseen.node.data import intersect, masking  # noqa: PLC0415

    ask = _json(parts[0])
    task = masking.Task(intersect.decode_reading(ask, parts[1]), Path(ask["set"]))
    return [str(masking.stretch(task, ask["head"], parts[2], progress)).encode()]


def intersect_part(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading and set as JSON, session, scalar -> the file of a part of the table, masked.

    A fourth part is the run's key, where a sum is asked for.
    """
    from unseen.node.data import intersect, masking  # noqa: PLC0415

    ask = _json(parts[0])
    task = masking.Task(intersect.decode_reading(ask, parts[1]), Path(ask["set"]))
    return [str(masking.part(task, b"".join(parts[3:]), parts[2], progress)).encode()]


def intersect_answer(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading and files as JSON, session, scalar -> counts of both sides as JSON, answer's digest.

    The files are those of the stretches and parts that were masked before, if any.
    """
    from unseen.node.data import intersect  # noqa: PLC0415

    ask = _json(parts[0])
    done, suite = intersect.decode_parts(ask), intersect.suite_named(ask)
    reading = intersect.decode_reading(ask, parts[1])
    found = intersect.answer(reading, suite, parts[2], done, progress)
    return [canonical.encode({"items": found.items, "others": found.others}), found.digest]


def intersect_mask(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading, files as JSON, session, scalar, snapshot -> nothing; the folder has what to mix.

    Three parts more are the node's share of the run's key, where a sum is asked for.
    """
    from unseen.node.data import intersect, summed  # noqa: PLC0415

    ask, (session, scalar, snapshot) = _json(parts[0]), parts[1:4]
    reading, done = intersect.decode_reading(ask, session), intersect.decode_parts(ask)
    if parts[4:]:
        summed.mask(reading, snapshot, Share(*parts[4:]), scalar, done, progress)
    else:
        intersect.mask(reading, snapshot, scalar, done, progress)
    return []


def intersect_count(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Folder, suite, clause, group and most as JSON, session -> what is released, as JSON.

    Three parts more are the node's share of the run's key, where a sum is asked for.
    """
    from unseen.node.data import intersect, summed  # noqa: PLC0415

    ask = _json(parts[0])
    folder, clause = Path(ask["folder"]), Intersection.from_json(ask["clause"])
    if parts[2:]:
        share = Share(*parts[2:])
        closing = summed.Closing(folder, clause, ask["group"], ask["most"], parts[1], share)
        return [summed.close(closing, suite_of(ask["suite"]))]
    (rho,) = clause.costs
    return [canonical.encode(intersect.count(folder, rho, ask["most"], ask["group"]))]


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


TASKS: dict[str, Task] = {
    task.__name__: task
    for task in (
        voprf,
        admit_consents,
        check_elements,
        voprf_part,
        voprf_sum,
        voprf_proof,
        inspect_table,
        open_rows,
        check_predicates,
        check_subjects,
        verify_subject,
        match_subject,
        count_noisy,
        count_plain,
        add_noise,
        train_step,
        attack_model,
        count_exact,
        hide_cells,
        fill_table,
        merge_table,
        lwe_answer,
        lwe_digests,
        intersect_stretch,
        intersect_part,
        intersect_answer,
        intersect_mask,
        intersect_count,
        warm_up,
        warm_matrix,
    )
}


def _columns(value: Any) -> tuple[SubjectColumn, ...]:
    return tuple(SubjectColumn(**column) for column in value)


def _json(data: bytes) -> Any:
    return canonical.decode(data)
