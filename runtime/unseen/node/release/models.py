"""Rules for models: what family, how many parameters for its rows, what an attack finds in it.

A model's format is not a rule but its shape: integers in canonical JSON, the only one there is,
so that no model is ever code. Families that keep training rows inside themselves (nearest
neighbours, kernel machines, Gaussian processes) are refused, and so is every family not named.

The bar on an attack holds for models under a privacy budget too. Noise as agreed keeps any attack
below it; what breaks it is noise that was not added, a fault, or a model that came from elsewhere.
Such a verdict depends on rows and is one bit about them without noise: therefore only few models a
contract are judged (`joint/endorsing.py`). It is asked of what the area is at least, with 99 %
confidence, so that few rows refuse nothing by chance. An attack that finds nothing proves nothing;
therefore a person signs every model as well.
"""

from unseen.evidence.contracts.modelled import Modelled
from unseen.node.release.facts import ModelFacts, OpaqueFacts
from unseen.node.release.rules import Case, Outcome, Rule

_WHOLE = 10_000
_ONLY = frozenset({"model"})
TREES = frozenset({"tree", "forest", "boosting"})
FAMILIES = TREES | {"linear", "logistic", "poisson", "naive_bayes", "mlp"}


def _without_facts(case: Case) -> bool:
    return not isinstance(case.facts, ModelFacts | OpaqueFacts)


def _no_model(case: Case) -> bool:
    return case.value is None or not isinstance(case.value.shape, Modelled)


def _family(case: Case) -> str:
    shape = case.value.shape if case.value else None
    return shape.family if isinstance(shape, Modelled) else ""


def _remembers(case: Case) -> bool:
    return _family(case) not in FAMILIES


def _large(case: Case) -> bool:
    facts, shape = case.facts, case.value.shape if case.value else None
    if not isinstance(facts, ModelFacts | OpaqueFacts) or not isinstance(shape, Modelled):
        return False
    return _WHOLE * shape.parameters > case.limits.parameters * facts.rows


def _small_leaf(case: Case) -> bool:
    facts = case.facts
    if not isinstance(facts, ModelFacts | OpaqueFacts) or _family(case) not in TREES:
        return False
    return facts.smallest_leaf is None or facts.smallest_leaf < case.limits.group


def _attacked(case: Case) -> bool:
    facts = case.facts
    if not isinstance(facts, ModelFacts | OpaqueFacts) or facts.attack is None:
        return False
    return facts.attack > case.limits.attack


def _unmeasured(case: Case) -> bool:
    facts = case.facts
    return (
        isinstance(facts, ModelFacts | OpaqueFacts) and facts.attack is None and not facts.private
    )


def _always(case: Case) -> bool:
    return case.type == "model"


MODEL = (
    Rule(
        id="model.shape",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="it is not declared as the parameters of a model",
        text_zh="未按模型参数声明",
        fires=_no_model,
    ),
    Rule(
        id="model.facts",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="it is not known what the model was trained on",
        text_zh="无法得知模型的训练数据情况",
        fires=_without_facts,
    ),
    Rule(
        id="model.family",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="the family keeps training rows inside the model, or is not known here",
        text_zh="模型类别会保存训练样本，或未列入许可",
        fires=_remembers,
    ),
    Rule(
        id="model.size",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="the model has too many parameters for the rows it was trained on",
        text_zh="模型参数相对训练行数过多",
        fires=_large,
    ),
    Rule(
        id="model.leaf",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="a leaf of a tree holds fewer subjects than the smallest group allowed",
        text_zh="决策树叶节点主体数少于最小分组数",
        fires=_small_leaf,
    ),
    Rule(
        id="model.attack",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="an attack tells who was in the training data better than the bar allows",
        text_zh="成员推断攻击效果超过允许的门限",
        fires=_attacked,
    ),
    Rule(
        id="model.unmeasured",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="neither an attack was run against the model nor a privacy budget charged",
        text_zh="既未做攻击测试，也未计入隐私预算",
        fires=_unmeasured,
    ),
    Rule(
        id="model.person",
        types=_ONLY,
        outcome=Outcome.REVIEW,
        text="a person signs every model",
        text_zh="模型须逐个人工审核",
        fires=_always,
    ),
)
