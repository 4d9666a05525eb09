"""Templates as people write them, in TOML: without keys, with prices in units of the currency.

Who writes a file need not know the keys: whoever signs fills them in, and sees the template with
them before signing. Read strictly: an unknown key is an error.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from unseen.evidence.contracts.contract import Period
from unseen.evidence.contracts.rules import load_toml
from unseen.evidence.contracts.template import MAX_DAYS, LabelLimit, PriceBand, Template
from unseen.evidence.errors import TemplateInvalidError
from unseen.evidence.fields import Checker

_CHECK = Checker(TemplateInvalidError, "template file")
_PRICE = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_PLAIN = (
    "name",
    "title",
    "title_zh",
    "text",
    "text_zh",
    "max_outputs",
    "max_units",
    "max_per_minute",
    "max_days",
    "openings",
    "consent",
    "latency_seconds",
    "group",
    "budget",
    "region",
    "order",
)
_LISTS = ("kinds", "purposes", "products", "declarations")
_FIELDS = (*_PLAIN, *_LISTS, "labels", "prices", "approvals", "valid_days")


def parse_template(
    data: bytes, *, suite: str, operator: str, approver: str, start: datetime
) -> Template:
    """Return the template that the TOML `data` says, valid from `start` for its `valid_days`.

    `operator` and `approver` are names of keys; the approver's is taken only if the file names
    it among its `approvals`.

    Raises:
        TemplateInvalidError: not TOML, or not a template; or an approver signs and none is given.
        SuiteUnknownError: the suite is not known here.

    """
    body = _CHECK.take(load_toml(_CHECK, data), _FIELDS)
    approvals = _CHECK.unlist("approvals", body["approvals"])
    if approvals not in (["operator"], ["operator", "approver"]):
        _CHECK.fail("approvals", 'is neither ["operator"] nor ["operator", "approver"]')
    second = approver if len(approvals) > 1 else ""
    if len(approvals) > 1 and not approver:
        _CHECK.fail("approvals", "name an approver, and there is none")
    _CHECK.integer("valid_days", body["valid_days"], 1, MAX_DAYS)
    until = start + timedelta(days=body["valid_days"])
    fields = {name: body[name] for name in _PLAIN}
    fields |= {name: tuple(_CHECK.unlist(name, body[name])) for name in _LISTS}
    return Template(
        suite=suite,
        operator=operator,
        approver=second,
        period=Period(start=start, until=until),
        labels=tuple(map(LabelLimit.from_json, _CHECK.unlist("labels", body["labels"]))),
        prices=_prices(body["prices"]),
        **fields,
    )


def _prices(value: Any) -> PriceBand:
    body = _CHECK.take(value, ("currency", "data_fee", "service_fee"), "prices")
    bands = {}
    for line in ("data_fee", "service_fee"):
        band = _CHECK.unlist(f"prices.{line}", body[line])
        if len(band) != 2:
            _CHECK.fail(f"prices.{line}", "is not a list of the least and the most")
        bands[line] = (_micros(line, band[0]), _micros(line, band[1]))
    return PriceBand(currency=body["currency"], **bands)


def _micros(line: str, value: object) -> int:
    """Return the millionths that a decimal text says."""
    found = _PRICE.fullmatch(value) if type(value) is str else None
    if found is None:
        _CHECK.fail(f"prices.{line}", 'is not a decimal text with up to six places, as "0.05"')
    return int(found[1]) * 1_000_000 + int((found[2] or "0").ljust(6, "0"))
