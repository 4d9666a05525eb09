"""A rule file and a template in the world of the tests."""

import dataclasses
from datetime import timedelta
from typing import Any

from tests.evidence.conftest import NOW

from unseen.evidence.contracts.contract import Period, Prices, Quota
from unseen.evidence.contracts.leakage import Amount, Leakage
from unseen.evidence.contracts.limits import Scope
from unseen.evidence.contracts.plan import Plan, ReadLabel, RowsRule
from unseen.evidence.contracts.rules import Denial, Rule, RuleFile
from unseen.evidence.contracts.template import LabelLimit, PriceBand, Template
from unseen.evidence.suite import signer_id


def make_rule(**changes: Any) -> Rule:
    fields: dict[str, Any] = {
        "category": "enterprise",
        "levels": ("1", "2"),
        "kinds": ("verify", "lookup"),
        "ciphertext": True,
        "threat_model": "malicious-buyer",
        "group": 5,
        "budget": "0.5",
        "share": 10,
        "approvals": ("operator", "holder"),
        "order": True,
        "region": "CN",
        "consent": False,
        "template": False,
    }
    return Rule(**fields | changes)


def make_denial(**changes: Any) -> Denial:
    fields: dict[str, Any] = {
        "name": "personal-marketing",
        "text": "personal data serve no marketing",
        "text_zh": "个人数据不得用于营销",
        "categories": ("personal",),
        "levels": ("1", "4"),
        "purposes": ("marketing", "*营销*"),
    }
    return Denial(**fields | changes)


def make_rules(world: Any, **changes: Any) -> RuleFile:
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "version": "2026-1",
        "title": "Rules of the tests",
        "title_zh": "测试规则",
        "rules": (make_rule(), make_rule(category="public", levels=("1",), budget="")),
        "deny": (make_denial(),),
    }
    return RuleFile(**fields | changes)


def make_template(world: Any, **changes: Any) -> Template:
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "name": "credit-check",
        "title": "Credit check",
        "title_zh": "信用核查",
        "text": "A bank checks an enterprise before a loan.",
        "text_zh": "银行贷前核查企业",
        "kinds": ("lookup", "verify"),
        "purposes": ("贷前核验", "credit-check"),
        "products": ("overdue-check",),
        "labels": (
            LabelLimit(category="enterprise", level="2"),
            LabelLimit(category="public", level="3"),
        ),
        "max_outputs": 4,
        "max_units": 5000,
        "max_per_minute": 100,
        "max_days": 90,
        "prices": PriceBand(currency="CNY", data_fee=(0, 100_000), service_fee=(10_000, 10_000)),
        "openings": "required",
        "consent": True,
        "latency_seconds": 86_400,
        "group": 5,
        "budget": "1.5",
        "region": "CN",
        "order": True,
        "declarations": ("used for lending alone",),
        "operator": signer_id(world.operator),
        "approver": signer_id(world.stranger),
        "period": Period(start=NOW - timedelta(days=10), until=NOW + timedelta(days=300)),
    }
    return Template(**fields | changes)


def make_scope(**changes: Any) -> Scope:
    """Return what stays within `make_template`."""
    fields: dict[str, Any] = {
        "kind": "lookup",
        "product": "overdue-check",
        "scenario": "贷前核验",
        "outputs": ("overdue", "listed"),
        "labels": (("name", "public", "1"), ("debt", "enterprise", "2")),
        "quota": Quota(units=5000, per_minute=100),
        "period": Period(start=NOW, until=NOW + timedelta(days=90)),
        "prices": Prices(currency="CNY", data_fee=50_000, service_fee=10_000),
        "openings": True,
        "latency_seconds": 3600,
        "group": 5,
        "budget": "1.5",
        "region": "CN-44",
        "order": "SZDEX-2026-17",
        "declarations": ("used for lending alone",),
    }
    return Scope(**fields | changes)


LABELS = (("name", "public", "1"), ("birth", "public", "1"), ("debt", "enterprise", "2"))


def labelled_plan(world: Any, labels: tuple[tuple[str, str, str], ...] = LABELS) -> Plan:
    """Return the world's plan with the labels that its columns had."""
    read = (
        ReadLabel(column=column, category=category, level=level)
        for column, category, level in labels
    )
    rows = RowsRule(consent=False, labels=tuple(read))
    found: Plan = world.plan(
        rows=rows, threat_model_zh="半诚实的运营方", retention_zh="保存至密钥周期结束"
    )
    return found


def measured_leakage(world: Any) -> Leakage:
    """Return the world's leakage statement with numbers, one of them without a bound."""
    first, second = world.leakage().statements
    count = Amount(measure="units", each=1, most=1000)
    lines = (
        dataclasses.replace(first, bound_zh="配额", channel="counts", amount=count),
        dataclasses.replace(second, channel="sizes", amount=Amount(measure="bytes", each=0)),
    )
    found: Leakage = world.leakage(statements=lines)
    return found
