"""What a contract over an encrypted training agrees on, and that its parts say the same. Pure.

Columns, clamps and delta are the menu's, iterations the quota, bits and rho follow from the clause:
who reads a contract need not believe that they do. That a table holds a person in one row alone is
the node's to keep; here the menu has to promise it, or the noise would hide nobody.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Final

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import (
    PARAMETER,
    PROTOCOL,
    Encrypted,
    encrypted_in,
    encrypted_of,
)
from unseen.evidence.contracts.homomorphic import check_levels
from unseen.evidence.contracts.joint import PARAMETER as JOINT
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.training import clause as joint_training
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

_OTHERS: Final = (JOINT, joint_training.PARAMETER)  # clauses of a joint training
_AT: Final = "parameters.encrypted"
_CHECK = Checker(ContractInvalidError, "contract")


def is_encrypted(terms: Terms) -> bool:
    """Return whether terms are over a training under encryption, or say so in part."""
    of_kind = terms.kind == joint_training.KIND
    return of_kind and (terms.protocol == PROTOCOL or PARAMETER in terms.parameters)


def check_encrypted(terms: Terms, plan: Plan, menu: Menu) -> None:
    """Return if the clause of `terms` is what menu, outputs, quota, budget and `plan` say.

    Raises:
        ContractInvalidError: it is missing or malformed, or something is not what follows from it.
        InputInvalidError: this machine has no library for vectors.

    """
    clause = encrypted_in(terms.parameters)
    for name in _OTHERS:
        if name in terms.parameters:
            _CHECK.fail(f"parameters.{name}", "stands beside a training under encryption")
    if (terms.protocol, plan.protocol) != (PROTOCOL, PROTOCOL):
        _CHECK.fail("protocol", "is not that of trainings under encryption")
    check_levels(_CHECK, plan)
    if menu.partition is not None or menu.joined:
        _CHECK.fail("parameters.menu", "has an exact table or a joined one, and is for a training")
    if {*menu.names} != {*clause.names}:
        _CHECK.fail("parameters.menu", "offers other things than the training names")
    check_menu(clause, menu)
    if clause.vertical and not plan.subject_columns:
        _CHECK.fail(f"{_AT}.vertical", "is of rows that no subject names")
    _check_amounts(clause, terms, plan, menu)


def check_menu(clause: Encrypted, menu: Menu) -> None:
    """Return if the clause's columns are entries of `menu`, within its clamps, a person in a row.

    Raises:
        ContractInvalidError: they are not; the clause names the column or the field.

    """
    for feature in clause.features:
        wanted, at = joint_training.feature_of(menu, feature.name), f"{_AT}.features.{feature.name}"
        if wanted is None:
            _CHECK.fail(at, "is no dimension or measure of the menu")
        if feature != wanted:
            _CHECK.fail(at, "has another clamp, or other values, than the menu's")
    label = clause.label
    if not clause.vertical and joint_training.label_of(menu, label.name) != label:
        _CHECK.fail(f"{_AT}.label", "is no label of the menu, or has another clamp")
    if menu.rows_per_person != 1:
        _CHECK.fail(
            "parameters.menu.rows_per_person", "is more than the one row that the noise is for"
        )


def encrypted_rows(parameters: Mapping[str, Json]) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Yield what people read of the clause among a contract's parameters, if there is one."""
    if PARAMETER in parameters and find_spec("numpy") is None:
        yield "trains", "a model under encryption; to read which: pip install 'unseen[he]'"
        return
    clause = encrypted_of(parameters)
    if clause is None:
        return
    whose = "labels of the buyer's" if clause.vertical else "labels of the node's"
    yield "trains", f"{clause.family}, under encryption, {whose}"
    yield "iterations", f"{clause.iterations:,}, a unit each, rho {clause.rho} each"
    yield "features", tuple(feature.name for feature in clause.features)
    if clause.own:
        yield "columns of the buyer's", tuple(feature.name for feature in clause.own)
    yield "label", clause.label.name
    yield "rows", f"{clause.least_rows:,} to {clause.most_rows:,}"
    found = clause.chain().security
    bits = int(min(found.matzov, found.core))
    yield "security", f"2^{bits} as estimated; for buyers that follow the protocol"


def _check_amounts(clause: Encrypted, terms: Terms, plan: Plan, menu: Menu) -> None:
    spec, each = plan.release, clause.bits_per_unit
    if spec is None or (spec.type, spec.shape) != ("aggregate", None):
        _CHECK.fail("plan.release", "is not a gradient")
    if (plan.bits_per_unit, spec.bits_per_run) != (each, each):
        _CHECK.fail("plan.bits_per_unit", "is not what a gradient has")
    if terms.quota.units != clause.iterations:
        _CHECK.fail("quota.units", "are not the iterations that the noise was chosen for")
    if clause.least_rows < terms.group:
        _CHECK.fail(f"{_AT}.least_rows", "is less than the smallest group")
    if not terms.budget or not clause.within(terms.budget, menu.delta):
        _CHECK.fail("budget", "is less than the training costs")
