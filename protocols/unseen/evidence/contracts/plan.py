"""The plan a contract compiles to: which columns are read, and how many bits are released.

Plan and leakage statement (`leakage`) are shown before anyone signs, and their digests stand in the
contract and in every release. Neither holds a row or depends on a snapshot.

A plan is a promise of the operator's. That the node kept to it is not proven by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.joint import PROTOCOL as SECAGG
from unseen.evidence.contracts.modelled import Modelled
from unseen.evidence.contracts.outputs import (
    TypedOutput,
    bits_of_outputs,
    check_outputs,
    type_of_outputs,
)
from unseen.evidence.contracts.typed import Shape, shape_from_json
from unseen.evidence.errors import ContractInvalidError, ReleaseInvalidError
from unseen.evidence.fields import VERSION, Checker, head
from unseen.evidence.suite import Suite
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.canonical import FORMS_OF
from unseen.protocols.lookup.labels import LABEL_SIZES
from unseen.protocols.lookup.match import EVALUATIONS, OUTPUT, check_ids
from unseen.protocols.lookup.subject import SubjectColumn, SubjectType

ReleaseType = Literal["verdicts", "aggregate", "model"]
KINDS = ("verify", "lookup", "intersect", "statistics", "score", "train", "run")
AGGREGATES = ("statistics", "train", "run")  # kinds that group and budget bound
BY_QUESTION = ("statistics",)  # kinds whose releases have shapes that follow from the question
BY_CODE = ("run",)  # kinds whose releases code of the buyer's writes
BY_MATCH = ("verify", "lookup")  # kinds that match whole tuples
BY_MENU = ("statistics", "train")  # kinds whose contracts hold a menu
CKKS = "ckks"  # protocol of contracts over ciphertexts, whose releases the buyer alone can read
_ONE_BY_ONE = {"intersect": ("items",)}  # outputs of a kind that answer about each subject alone
MAX_COLUMNS = 256
MAX_OUTPUTS = 128  # what a label of 32 bytes holds at two bits each

_SUBJECT_TYPES = get_args(SubjectType)
_RELEASE_TYPES = get_args(ReleaseType)
_PLAN = Checker(ContractInvalidError, "plan")
_PLAN_FIELDS = (
    "kind",
    "protocol",
    "table",
    "subject_columns",
    "columns_read",
    "outputs",
    "bits_per_unit",
    "label_bytes",
    "threat_model",
    "retention",
)
_PLAN_OPTIONAL = ("rows", "release", "group", "budget", "threat_model_zh", "retention_zh", "match")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLabel:
    """A column that a job reads, its subject's included, and the label it had at compilation."""

    column: str
    category: str
    level: str

    def __post_init__(self) -> None:
        """Check every field."""
        _PLAN.text("rows.labels.column", self.column, 256)
        _PLAN.token("rows.labels.category", self.category)
        _PLAN.token("rows.labels.level", self.level)

    def to_json(self) -> dict[str, Json]:
        """Return the label as an object of the plan."""
        return {"column": self.column, "category": self.category, "level": self.level}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the label that `to_json` gives `value` for."""
        return cls(**_PLAN.take(value, ("column", "category", "level"), "rows.labels"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRule:
    """Which rows a job may read: with `consent`, only those of subjects who permit it.

    `labels` are those that the rules were applied to, for each column read.
    """

    consent: bool
    labels: tuple[ReadLabel, ...] = ()

    def __post_init__(self) -> None:
        """Check both fields."""
        _PLAN.boolean("rows.consent", self.consent)
        _PLAN.members("rows.labels", self.labels, ReadLabel, MAX_COLUMNS)
        _PLAN.distinct("rows.labels", [label.column for label in self.labels])

    def to_json(self) -> dict[str, Json]:
        """Return the rule as an object of the plan."""
        labels: list[Json] = [label.to_json() for label in self.labels]
        return {"consent": self.consent} | ({"labels": labels} if labels else {})

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the rule that `to_json` gives `value` for."""
        body = _PLAN.take(value, ("consent",), "rows", ("labels",))
        labels = _PLAN.unlist("rows.labels", body.get("labels", [None]))
        if not labels:  # or one plan could be written in two ways
            _PLAN.fail("rows.labels", "are written down and say nothing")
        found = map(ReadLabel.from_json, labels if "labels" in body else [])
        return cls(consent=body["consent"], labels=tuple(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSpec:
    """What may leave: one type of release, and how many bits of it in a run and in all.

    `shape` declares an aggregate or a model cell by cell; verdicts follow from the outputs. Without
    it an aggregate has the shape that follows from each question: only of kind `statistics`.
    `outputs` declare what code of the buyer's writes, in the place of one shape: only of kind
    `run`; with a model among them all of it is a model.
    """

    type: ReleaseType
    bits_per_run: int
    bits_in_all: int
    shape: Shape | None = None
    outputs: tuple[TypedOutput, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _PLAN.choice("release.type", self.type, _RELEASE_TYPES)
        _PLAN.integer("release.bits_per_run", self.bits_per_run, 1)
        _PLAN.integer("release.bits_in_all", self.bits_in_all, self.bits_per_run)
        if self.outputs:
            self._check_outputs()
            return
        declared = ("verdicts", "aggregate") if self.shape is None else (_declares(self.shape),)
        if self.type not in declared:
            _PLAN.fail("release.shape", "declares another type of release")
        if self.shape is not None and self.shape.bits > self.bits_per_run:
            _PLAN.fail("release.bits_per_run", "is less than the declared shape says")

    def to_json(self) -> dict[str, Json]:
        """Return the rule as an object of the plan."""
        spec: dict[str, Json] = {
            "type": self.type,
            "bits_per_run": self.bits_per_run,
            "bits_in_all": self.bits_in_all,
        }
        if self.outputs:
            return spec | {"outputs": [output.to_json() for output in self.outputs]}
        return spec if self.shape is None else spec | {"shape": self.shape.to_json()}

    def _check_outputs(self) -> None:
        if self.shape is not None:
            _PLAN.fail("release.shape", "stands beside outputs")
        check_outputs(_PLAN, "release.outputs", self.outputs)
        if self.type != type_of_outputs(self.outputs):
            _PLAN.fail("release.outputs", "declare another type of release")
        if bits_of_outputs(self.outputs) > self.bits_per_run:
            _PLAN.fail("release.bits_per_run", "is less than the declared outputs say")

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the rule that `to_json` gives `value` for."""
        names = ("type", "bits_per_run", "bits_in_all")
        body = dict(_PLAN.take(value, names, "release", ("shape", "outputs")))
        listed = _PLAN.unlist("release.outputs", body.pop("outputs", [None]))
        if not listed:  # or one plan could be written in two ways
            _PLAN.fail("release.outputs", "are written down and say nothing")
        try:
            shape = shape_from_json(body.pop("shape")) if "shape" in body else None
            outputs = tuple(map(TypedOutput.from_json, listed if listed != [None] else []))
        except ReleaseInvalidError as error:
            raise ContractInvalidError(f"plan: {error}", clause=f"release.{error.clause}") from None
        return cls(**body, shape=shape, outputs=outputs)


def _declares(shape: Shape) -> ReleaseType:
    if not isinstance(shape, Shape):
        _PLAN.fail("release.shape", "is not a declaration")
    return "model" if isinstance(shape, Modelled) else "aggregate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One thing a unit releases: `text` says it in words.

    `expression_digest` is the hash of the expression that the node evaluates, 32 bytes.
    """

    name: str
    text: str
    expression_digest: bytes

    def __post_init__(self) -> None:
        """Check every field."""
        _PLAN.name("outputs.name", self.name)
        _PLAN.text("outputs.text", self.text)
        _PLAN.octets("outputs.expression_digest", self.expression_digest)

    def to_json(self) -> dict[str, Json]:
        """Return the output as an object of the plan."""
        digest = b64encode(self.expression_digest)
        return {"name": self.name, "text": self.text, "expression_digest": digest}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the output that `to_json` gives `value` for."""
        body = _PLAN.take(value, ("name", "text", "expression_digest"), "outputs")
        digest = _PLAN.unb64("outputs.expression_digest", body["expression_digest"])
        return cls(name=body["name"], text=body["text"], expression_digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job of a contract may do at most.

    A unit releases at most `bits_per_unit` bits. `label_bytes` is the size of a row's label in
    the encrypted table, 0 where there is none. `threat_model` says when it holds, `retention` what
    is kept, both in Chinese too. `match` names the columns of an id where tuples are matched.
    `rows`, `release`, `group`, `budget`, `match` and what is in Chinese are written only where they
    say something; group and budget are the contract's. Errors: `ContractInvalidError`.
    """

    suite: str
    kind: str
    protocol: str
    table: str
    subject_columns: tuple[SubjectColumn, ...]
    columns_read: tuple[str, ...]
    outputs: tuple[Output, ...]
    bits_per_unit: int
    label_bytes: int
    threat_model: str
    retention: str
    rows: RowsRule | None = None
    release: ReleaseSpec | None = None
    group: int = 0
    budget: str = ""
    threat_model_zh: str = ""
    retention_zh: str = ""
    match: tuple[str, ...] = ()
    v: int = VERSION

    def __post_init__(self) -> None:
        """Check every field."""
        _PLAN.integer("v", self.v, VERSION, VERSION)
        _PLAN.suite(self.suite)
        _PLAN.choice("kind", self.kind, KINDS)
        _PLAN.token("protocol", self.protocol)
        _PLAN.name("table", self.table)
        check_columns(_PLAN, "subject_columns", self.subject_columns)
        _PLAN.members("columns_read", self.columns_read, str, MAX_COLUMNS)
        for column in self.columns_read:
            _PLAN.text("columns_read", column, 256)
        _PLAN.distinct("columns_read", self.columns_read)
        _PLAN.members("outputs", self.outputs, Output, MAX_OUTPUTS, 1)
        _PLAN.distinct("outputs", [output.name for output in self.outputs])
        _PLAN.integer("bits_per_unit", self.bits_per_unit, 1)
        _PLAN.integer("label_bytes", self.label_bytes, 0)
        if self.label_bytes and self.label_bytes not in LABEL_SIZES:
            _PLAN.fail("label_bytes", f"is neither 0 nor one of {LABEL_SIZES}")
        _PLAN.text("threat_model", self.threat_model, 256)
        _PLAN.text("retention", self.retention)
        for field, kind in (("rows", RowsRule), ("release", ReleaseSpec)):
            if type(getattr(self, field)) not in (kind, type(None)):
                _PLAN.fail(field, "is not a rule of its kind")
        joint = self.protocol == SECAGG  # what leaves is a part of a sum, and masked
        if self.release is not None and self.release.outputs and self.kind not in BY_CODE:
            _PLAN.fail("release.outputs", "are of a kind that runs no code of the buyer's")
        if self.by_question and self.kind not in BY_QUESTION and not joint:
            _PLAN.fail("release.shape", "is missing, and does not follow from questions")
        _PLAN.integer("group", self.group, 0)
        if self.budget != "":
            _PLAN.decimal("budget", self.budget)
        _PLAN.text("threat_model_zh", self.threat_model_zh, empty=True)
        _PLAN.text("retention_zh", self.retention_zh, empty=True)
        if self.match and self.kind not in BY_MATCH:
            _PLAN.fail("match", "is of a kind that does not match tuples")
        check_match(_PLAN, self.match, self.subject_columns, [each.name for each in self.outputs])

    @property
    def evaluations(self) -> int:
        """Return how many blinded elements a unit of a hidden lookup has."""
        return EVALUATIONS if self.match and self.kind == "lookup" else 1

    @property
    def by_question(self) -> bool:
        """Return whether each release has the shape that follows from what was asked."""
        spec = self.release
        if spec is None or spec.shape is not None or spec.outputs:
            return False
        # A gradient follows from no question: the clause of its training says what it is.
        return spec.type == "aggregate" and (self.kind, self.protocol) != ("train", CKKS)

    def to_json(self) -> dict[str, Json]:
        """Return the plan as an object."""
        agreed: dict[str, Json] = {}
        if self.rows is not None:
            agreed["rows"] = self.rows.to_json()
        if self.release is not None:
            agreed["release"] = self.release.to_json()
        if self.group:
            agreed["group"] = self.group
        for name in ("budget", "threat_model_zh", "retention_zh"):
            if getattr(self, name):
                agreed[name] = getattr(self, name)
        if self.match:
            agreed["match"] = list(self.match)
        return self._fixed() | agreed

    def _fixed(self) -> dict[str, Json]:
        return head("plan", self.suite) | {
            "kind": self.kind,
            "protocol": self.protocol,
            "table": self.table,
            "subject_columns": columns_to_json(self.subject_columns),
            "columns_read": list(self.columns_read),
            "outputs": [output.to_json() for output in self.outputs],
            "bits_per_unit": self.bits_per_unit,
            "label_bytes": self.label_bytes,
            "threat_model": self.threat_model,
            "retention": self.retention,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the plan that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _PLAN.body(value, "plan", _PLAN_FIELDS, _PLAN_OPTIONAL)
        for name in _PLAN_OPTIONAL:
            if name in body and not body[name]:  # or one plan could be written in two ways
                _PLAN.fail(name, "is written down and says nothing")
        return cls(
            suite=body["suite"],
            kind=body["kind"],
            protocol=body["protocol"],
            table=body["table"],
            subject_columns=columns_from_json(_PLAN, "subject_columns", body["subject_columns"]),
            columns_read=tuple(_PLAN.unlist("columns_read", body["columns_read"])),
            outputs=tuple(map(Output.from_json, _PLAN.unlist("outputs", body["outputs"]))),
            bits_per_unit=body["bits_per_unit"],
            label_bytes=body["label_bytes"],
            threat_model=body["threat_model"],
            retention=body["retention"],
            rows=RowsRule.from_json(body["rows"]) if "rows" in body else None,
            release=ReleaseSpec.from_json(body["release"]) if "release" in body else None,
            group=body.get("group", 0),
            budget=body.get("budget", ""),
            threat_model_zh=body.get("threat_model_zh", ""),
            retention_zh=body.get("retention_zh", ""),
            match=tuple(_PLAN.unlist("match", body.get("match", []))),
        )

    def encode(self) -> bytes:
        """Return the canonical bytes of the plan."""
        return canonical.encode(self.to_json())

    def digest(self, suite: Suite) -> bytes:
        """Return the hash of `encode`, 32 bytes, under the plan's own `suite`.

        Raises:
            ContractInvalidError: the plan names another suite.

        """
        if suite.id != self.suite:
            _PLAN.fail("suite", "is another one than asked for")
        return suite.digest(self.encode())


def is_aggregate(kind: str, outputs: Sequence[str]) -> bool:
    """Return whether `outputs` of a kind are about many subjects: group and budget bound them."""
    alone = _ONE_BY_ONE.get(kind)
    return kind in AGGREGATES if alone is None else tuple(outputs) != alone


def check_columns(check: Checker, field: str, columns: object) -> None:
    """Refuse what is not a tuple of distinct subject columns."""
    check.members(field, columns, SubjectColumn, MAX_COLUMNS)
    known = cast("tuple[SubjectColumn, ...]", columns)
    for column in known:
        check.text(f"{field}.name", column.name, 256)
        check.choice(f"{field}.type", column.type, _SUBJECT_TYPES)
    check.distinct(field, [column.name for column in known])


def check_match(
    check: Checker, ids: object, columns: tuple[SubjectColumn, ...], outputs: Sequence[str]
) -> None:
    """Refuse an id that is not some of the subject's columns, and outputs that no match has."""
    if ids == ():
        return
    check.members("match", ids, str, MAX_COLUMNS, 1)
    try:
        check_ids([column.name for column in columns], cast("tuple[str, ...]", ids))
    except InputInvalidError as error:
        check.fail("match", f"is no id: {error}")
    if list(outputs) != [OUTPUT]:
        check.fail("outputs", f"are not {OUTPUT!r} alone, the one of a match")


def columns_to_json(columns: tuple[SubjectColumn, ...]) -> list[Json]:
    """Return subject columns as a list of `{"name","type"}`; `form` only where it says more."""
    return [column_to_json(column) for column in columns]


def column_to_json(column: SubjectColumn) -> dict[str, Json]:
    """Return one subject column as an object."""
    formed: dict[str, Json] = {} if column.form == "exact" else {"form": column.form}
    return {"name": column.name, "type": column.type} | formed


def columns_from_json(check: Checker, field: str, value: Json) -> tuple[SubjectColumn, ...]:
    """Return the subject columns that `columns_to_json` gives `value` for."""
    found = [
        check.take(item, ("name", "type"), field, ("form",)) for item in check.unlist(field, value)
    ]
    for item in found:
        check.text(f"{field}.name", item["name"], 256)
        check.choice(f"{field}.type", item["type"], _SUBJECT_TYPES)
        if "form" in item:  # the form that every column has is not written down
            check.choice(f"{field}.form", item["form"], FORMS_OF[item["type"]][1:])
    return tuple(SubjectColumn(**item) for item in found)
