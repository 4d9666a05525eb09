"""Reading tables, and building what is looked up in them. Tasks of workers: parts in, parts out.

Modules that read tables are imported inside: a worker that only evaluates never loads DuckDB.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.evidence import canonical
from unseen.evidence.consents.subjects import DataSubject
from unseen.evidence.releases.answers import tree_of_answer
from unseen.evidence.suite import suite_of
from unseen.node.errors import PredicateFailsError
from unseen.node.jobs.task import Progress, read_json
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.subject import SubjectColumn, with_forms
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.smt.index import index_of

if TYPE_CHECKING:
    from unseen.node.data.point import Where

_POINT_MEMORY_MB = 64


def inspect_table(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Source and subject columns as JSON, salt -> schema, rows, commitment as JSON."""
    from unseen.node.data import scan, source  # noqa: PLC0415 - see the module's docstring
    from unseen.node.data.connection import connect, reading  # noqa: PLC0415

    ask = read_json(parts[0])
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

    ask = read_json(parts[0])
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

    ask = read_json(parts[0])
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

    ask = read_json(parts[0])
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

    ask = read_json(parts[0])
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

    ask = read_json(parts[0])
    columns = _columns(ask["subject"])
    rows = point.matching(_where(ask), columns, ask["match"], ask["values"])
    if len(parts) == 1:
        return [canonical.encode([rows[0][1] if rows else None])]
    pairs = [(_place(parts[1], columns, row), canonical.encode([whole])) for row, whole in rows]
    return [part for pair in pairs for part in pair]


def fill_table(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Build spec as JSON, private scalar, salt -> how many rows had no form; the spool has others.

    A fourth part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import build  # noqa: PLC0415
    from unseen.node.data.spec import decode_spec  # noqa: PLC0415

    ask = read_json(parts[0])
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

    spec = decode_spec(read_json(parts[0])["spec"])
    built = build.merge(spec, Path(parts[1].decode()), progress, b"".join(parts[2:]))
    counts = canonical.encode({"rows": built.rows, "size": built.size, "fresh": built.fresh})
    return [counts, built.digest, built.root]


def lwe_answer(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Path, shape and blocks as JSON, then queries -> of each, the answer of these blocks.

    Or the JSON names the file that the queries are in.
    """
    from unseen.node.data.mapped import answers, read_queries  # noqa: PLC0415 - as above

    ask, queries = read_json(parts[0]), parts[1:]
    shape = Shape(*ask["shape"])
    if "queries" in ask:
        queries = read_queries(Path(ask["queries"]), shape)
    return answers(Path(ask["path"]), shape, range(*ask["blocks"]), queries)


def lwe_digests(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Suite and shape as JSON, queries, as many answers -> queries' hashes, answers' roots."""
    ask, said = read_json(parts[0]), parts[1:]
    suite, shape, half = suite_of(ask["suite"]), Shape(*ask["shape"]), len(said) // 2
    roots = [tree_of_answer(suite, shape, answer).root() for answer in said[half:]]
    return [*map(suite.digest, said[:half]), *roots]


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


def _columns(value: Any) -> tuple[SubjectColumn, ...]:
    return tuple(SubjectColumn(**column) for column in value)
