"""Trainings under encryption as a buyer writes them, in TOML 1.0.

    protocol    "ckks"
    family      linear or logistic
    features    names of dimensions and measures of the menu
    label       name of a filter (yes or no) or of a measure of the menu: then rows are all the
                node's, and the model is secret
    [label]     name, low and high of a label of the buyer's: then the training is vertical;
                of a logistic one the name alone
    [[own]]     columns of the buyer's in a vertical training, each with name, low and high, or
                with name and values
    [steps]     iterations; norm, to which rows are shortened with a one for the intercept; own_norm
                where there are own columns; reach, which no score passes (8, or 1 if linear)
    [privacy]   epsilon, of all iterations together at the menu's delta, or rho of each; most_rows,
                least_rows (100)

Clamps and values of the menu's entries come from the menu. Read strictly: an unknown key is an
error. What is written says what is asked for, and does not show that rows are as long as it thinks.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from unseen.evidence.contracts.encrypted import PROTOCOL, Encrypted
from unseen.evidence.contracts.homomorphic import need_vectors
from unseen.evidence.contracts.privacy import limit_of, rho_text
from unseen.evidence.contracts.rules import load_toml
from unseen.evidence.contracts.scoring_file import read_feature
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.training import clause as training
from unseen.evidence.contracts.training.encrypted_agreed import check_menu
from unseen.evidence.decimals import as_written, plain
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

if TYPE_CHECKING:
    from unseen.protocols.train.spec import Feature

_CHECK = Checker(ContractInvalidError, "training file")
_FIELDS: Final = ("protocol", "family", "features", "label", "steps", "privacy")
_REACH: Final = {"logistic": "8", "linear": "1"}
_PLACE: Final = 1000  # units of rho in the last place that a leaf can say
_LEAST_ROWS: Final = 100
_YES_OR_NO: Final = {"low": "0", "high": "1"}


def is_encrypted_file(data: bytes) -> bool:
    """Return whether the TOML `data` says a training under encryption.

    Raises:
        ContractInvalidError: it is no TOML, or says another protocol.

    """
    body = load_toml(_CHECK, data, as_written)
    if "protocol" in body and body["protocol"] != PROTOCOL:
        _CHECK.fail("protocol", f'is not "{PROTOCOL}"; a joint training says none')
    return "protocol" in body


def parse_encrypted(data: bytes, menu: Menu) -> Encrypted:
    """Return the training that the TOML `data` says, over `menu`.

    Raises:
        ContractInvalidError: not TOML, or no training over this menu; the clause names the field.
        InputInvalidError: this machine has no library for vectors.

    """
    body = _CHECK.take(load_toml(_CHECK, data, as_written), _FIELDS, "training", ("own",))
    if body["protocol"] != PROTOCOL:
        _CHECK.fail("protocol", f'is not "{PROTOCOL}"')
    need_vectors("train")
    family, vertical = body["family"], isinstance(body["label"], Mapping)
    _CHECK.choice("family", family, tuple(_REACH))
    own = _CHECK.unlist("own", body.get("own", []))
    if "own" in body and not vertical:
        _CHECK.fail("own", "is for a label of the buyer's, which [label] says")
    said = _steps(body["steps"], family)
    found = Encrypted(
        family=family,
        features=tuple(_feature(menu, name) for name in _names(body["features"])),
        label=_own_label(body["label"], family) if vertical else _label(menu, body["label"]),
        vertical=vertical,
        own=tuple(_column(one, f"own.{number}") for number, one in enumerate(own, 1)),
        **said,
        **_privacy(body["privacy"], menu, said["iterations"]),
    )
    check_menu(found, menu)
    return found


def _steps(given: object, family: str) -> dict[str, Any]:
    names = ("iterations", "norm")
    body = _CHECK.take(given, names, "steps", ("own_norm", "reach"))
    _CHECK.integer("steps.iterations", body["iterations"], 1)
    norms = {name: plain(body[name]) for name in ("norm", "own_norm", "reach") if name in body}
    return {"reach": _REACH[family]} | norms | {"iterations": body["iterations"]}


def _privacy(given: object, menu: Menu, iterations: int) -> dict[str, Any]:
    body = _CHECK.take(given, ("most_rows",), "privacy", ("epsilon", "rho", "least_rows"))
    if ("epsilon" in body) == ("rho" in body):
        _CHECK.fail("privacy", "says an epsilon of all iterations, or a rho of each")
    rows = {"least_rows": body.get("least_rows", _LEAST_ROWS), "most_rows": body["most_rows"]}
    if "rho" in body:
        return rows | {"rho": plain(body["rho"])}
    units = limit_of(plain(body["epsilon"]), menu.delta) // iterations // _PLACE * _PLACE
    if not units:
        _CHECK.fail("privacy.epsilon", "is so small that nothing can be trained")
    return rows | {"rho": rho_text(units)}


def _own_label(given: Mapping[str, Any], family: str) -> "Feature":
    alone = family == "logistic" and given.keys() == {"name"}
    return _column(dict(given) | (_YES_OR_NO if alone else {}), "label")


def _column(given: object, at: str) -> "Feature":
    if isinstance(given, Mapping):
        # Bounds without quotes are decimals as they were written, too.
        given = {
            name: value if isinstance(value, str | list | int) else plain(value)
            for name, value in given.items()
        }
    return read_feature(given, at, _CHECK)


def _feature(menu: Menu, name: str) -> "Feature":
    found = training.feature_of(menu, name)
    if found is None:
        _CHECK.fail(f"features.{name}", "is no dimension or measure of the menu")
    return found


def _label(menu: Menu, name: object) -> "Feature":
    (known,) = _names([name])
    found = training.label_of(menu, known)
    if found is None:
        _CHECK.fail("label", "is no filter or measure of the menu; [label] says one of your own")
    return found


def _names(value: object) -> list[str]:
    listed = _CHECK.unlist("features", value)
    if not all(type(name) is str for name in listed):
        _CHECK.fail("names", "are not texts")
    return listed
