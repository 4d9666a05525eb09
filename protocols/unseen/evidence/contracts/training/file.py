"""Trainings as a buyer writes them, in TOML: names of the menu, steps and privacy; no clamps.

    family      linear, logistic, poisson or boosting
    features    names of dimensions and measures
    label       name of a filter (yes or no), or of a measure
    [steps]     as in `Descent` or `Boosting`
    [privacy]   epsilon, for all steps together at the menu's delta; or rho and evaluation;
                rows_per_person, most_rows, bits, ring

Clamps and values come from the menu, parties from the roster: so the same file makes the same
training at nodes that offer the same columns, and another one, refused by the joint clause, where
they do not. Read strictly: an unknown key is an error.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from unseen.evidence.contracts.privacy import limit_of, rho_text
from unseen.evidence.contracts.rules import load_toml
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.training import clause
from unseen.evidence.decimals import as_written, plain
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train import Privacy, Spec
    from unseen.protocols.train.spec import Feature

_CHECK = Checker(ContractInvalidError, "training file")
_PLACE: Final = 1000  # units of rho in the last place that a file and a leaf can say
_MEASURED: Final = 10  # part of the privacy that goes into the step that measures
_SPARE: Final = 5000 * _PLACE  # more steps than any training has: each is rounded up by a place
_DRAWN: Final = ("rows_per_person", "most_rows", "bits", "ring")


def parse_training(data: bytes, menu: Menu, parties: int, honest: int) -> "Spec":
    """Return the training that the TOML `data` says, over `menu` and so many nodes.

    Raises:
        ContractInvalidError: not TOML, or no training over this menu; the clause names the field.
        InputInvalidError: this machine has no library for vectors.

    """
    given = load_toml(_CHECK, data, as_written)
    if "protocol" in given:
        _CHECK.fail("protocol", "is of a training under encryption, which is at one node alone")
    body = _CHECK.take(
        given,
        ("family", "features", "label", "steps", "privacy"),
        "training",
    )
    clause.check_library()
    from unseen.protocols.train import Spec  # noqa: PLC0415 - with vectors' library

    names = [_name(each) for each in _CHECK.unlist("features", body["features"])]
    try:
        found = Spec(
            family=_name(body["family"]),
            features=tuple(_feature(menu, name) for name in names),
            label=_label(menu, _name(body["label"])),
            steps=_steps(body["family"], body["steps"]),
            privacy=_privacy(body["privacy"], menu, parties, honest),
        )
    except ContractInvalidError:
        raise
    except UnseenError as error:
        at = error.clause.removeprefix("spec.")
        raise ContractInvalidError(
            f"training file: {at}: {error}", clause=at, remedy=error.remedy
        ) from None
    read = clause.read_training(found.to_json())
    clause.check_menu(read, menu)
    return read


def with_names(data: bytes) -> Sequence[str]:
    """Return the names of the menu that the TOML `data` says; raises as `parse_training`."""
    body = load_toml(_CHECK, data, as_written)
    listed = _CHECK.unlist("features", body.get("features", []))
    return [_name(each) for each in (*listed, body.get("label", ""))]


def _feature(menu: Menu, name: str) -> "Feature":
    found = clause.feature_of(menu, name)
    if found is None:
        _CHECK.fail(f"features.{name}", "is no dimension or measure of the menu")
    return found


def _label(menu: Menu, name: str) -> "Feature":
    found = clause.label_of(menu, name)
    if found is None:
        _CHECK.fail("label", "is no filter or measure of the menu")
    return found


def _steps(family: object, given: object) -> Any:
    from unseen.protocols.train import Boosting, Descent  # noqa: PLC0415 - with vectors' library

    made: type[Boosting | Descent] = Boosting if family == "boosting" else Descent
    texts = {field.name for field in fields(made) if field.type in ("str", str)}
    body = _CHECK.take(given, (), "steps", tuple(field.name for field in fields(made)))
    given_as: dict[str, Any] = {
        name: plain(value) if name in texts - {"objective"} else value
        for name, value in body.items()
    }
    try:
        return made(**given_as)
    except TypeError:
        _CHECK.fail("steps", "lack a field without which there is no training")


def _privacy(given: object, menu: Menu, parties: int, honest: int) -> "Privacy":
    from unseen.protocols.train import Privacy  # noqa: PLC0415 - with vectors' library

    body = dict(_CHECK.take(given, (), "privacy", ("epsilon", "rho", "evaluation", *_DRAWN)))
    if "epsilon" in body:
        if {"rho", "evaluation"} & {*body}:
            _CHECK.fail("privacy", "is an epsilon, or a rho with an evaluation")
        body |= _shares(plain(body.pop("epsilon")), menu)
    elif "rho" not in body:
        _CHECK.fail("privacy", "says neither epsilon nor rho")
    body |= {name: plain(body[name]) for name in ("rho", "evaluation") if name in body}
    body.setdefault("rows_per_person", menu.rows_per_person)
    return Privacy(parties=parties, honest=honest, **body)


def _shares(epsilon: str, menu: Menu) -> dict[str, str]:
    """Return what fits and what measures, together within epsilon, each step rounded up."""
    units = limit_of(epsilon, menu.delta) - _SPARE
    last = max(units, 0) // _MEASURED // _PLACE * _PLACE
    rho = (units - last) // _PLACE * _PLACE
    if rho <= 0:
        _CHECK.fail("privacy.epsilon", "is so small that nothing can be trained")
    return {"rho": rho_text(rho), "evaluation": rho_text(last)}


def _name(value: object) -> str:
    if type(value) is not str:
        _CHECK.fail("names", "are not texts")
    return value
