"""Fixed words of the command line in two languages: headings, and names of rows.

English is the key. Whole sentences, and refusals' titles, are in `sentences.py`. What is in neither
stays as it is: messages of the node, states, reasons, names and everything in JSON are the same in
every language, so that they can be searched for.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Any

import typer

from unseen.cli.sentences import SENTENCES


class Language(Enum):
    """Language of what is printed for people."""

    EN = "en"
    ZH = "zh"


_present = ContextVar("language", default=Language.EN)


def _remember(language: Language) -> Language:
    _present.set(language)
    return language


LanguageOption = Annotated[
    Language,
    typer.Option(
        "--lang",
        envvar="UNSEEN_LANG",
        callback=_remember,
        help="Language of headings and fixed words; may stand anywhere in a command.",
    ),
]


def _own(language: Language | None) -> Language:
    return present_language() if language is None else _remember(language)


OwnLanguageOption = Annotated[
    Language | None,
    typer.Option("--lang", callback=_own, help="Language; without it, UNSEEN_LANG or English."),
]
"""For a command that writes more than headings in one of the languages."""


def present_language() -> Language:
    """Return the language that the running command was asked for."""
    return _present.get()


def say(word: str) -> str:
    """Return a heading, or the name of a row, in the present language."""
    return word if present_language() is Language.EN else WORDS.get(word) or _phrase(word)


def hoisted(group: Any, arguments: list[str]) -> list[str]:
    """Return the arguments with `--lang` first, wherever it stood behind the command.

    A command with an option of its own of this name keeps it.
    """
    if _own_option(group, arguments):
        return arguments
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for place, word in enumerate(arguments[:end]):
        taken = 2 if word == "--lang" else 1
        if word == "--lang" or word.startswith("--lang="):
            found = arguments[place : place + taken]
            return [*found, *arguments[:place], *arguments[place + taken :]]
    return arguments


def _own_option(group: Any, arguments: list[str]) -> bool:
    command = group
    for word in arguments:
        below = getattr(command, "commands", {})
        command = below.get(word, command)
    own = (parameter.opts for parameter in command.params)
    return command is not group and any("--lang" in options for options in own)


def _phrase(text: str) -> str:
    """Return a text whose beginning is known: the title of a card, a rule and its name."""
    for beginning in sorted(PHRASES, key=len, reverse=True):
        if text.startswith(beginning):
            return PHRASES[beginning] + text.removeprefix(beginning)
    return text


_HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "": "",
        "about": "事项",
        "about {}": "约 {}",
        "about {}, give or take {}": "约 {}，误差约 {}",
        "amount": "金额",
        "answer": "结果",
        "answer says": "答复内容",
        "answered": "已答复",
        "answered at": "答复时间",
        "answered by": "答复方",
        "area under curve": "曲线下面积",
        "as of": "截至",
        "asked by": "查询条件",
        "asked for by": "申请方",
        "at": "时间",
        "because": "原因",
        "billed": "计费",
        "bits": "比特",
        "budget": "隐私预算 ε",
        "buyer": "购买方",
        "buyer's key": "购买方密钥",
        "by": "方",
        "charged": "是否计费",
        "checked": "已核对",
        "clause": "条款",
        "clock": "时钟",
        "closed": "已结案",
        "column": "列",
        "columns": "列",
        "columns of the buyer's": "购买方的列",
        "consent": "数据主体授权",
        "consents": "授权",
        "contract": "合约",
        "contracts": "合约",
        "corrected in": "更正于",
        "cosigned": "已见证",
        "cosigned by": "见证方",
        "count": "计数",
        "counted": "计数",
        "created": "创建时间",
        "credit": "抵扣",
        "currency": "币种",
        "data fee": "数据费",
        "data of": "数据日期",
        "day": "日期",
        "days": "天数",
        "decided": "审定",
        "decision": "审核意见",
        "declarations": "声明",
        "delta": "失效概率 δ",
        "digest": "哈希",
        "document": "文档",
        "documents": "文档",
        "drawn": "已抽样",
        "dropped out": "掉线节点",
        "ended": "结束",
        "entries": "条目",
        "epsilon": "隐私预算 ε",
        "ever consented": "曾经授权",
        "exact table": "精确表",
        "exchange order": "交易机构订单号",
        "failed": "失败",
        "family": "模型类别",
        "features": "特征",
        "fewer than the smallest group": "低于最小分组人数",
        "field": "字段",
        "file": "文件",
        "first": "首个",
        "for": "对象",
        "for one use": "一次性",
        "found": "发现",
        "from": "来源",
        "from, until": "起止",
        "given": "已给出",
        "goes on because": "恢复原因",
        "good": "有效期",
        "grantee": "被授权方",
        "grantor": "授权方",
        "group": "最小分组",
        "groups": "最小分组",
        "has to be signed by": "须签署方",
        "held": "暂扣",
        "held by": "持有方",
        "held-out rows": "留出行数",
        "hidden": "隐藏",
        "highest": "最大值",
        "holder": "数据持有方",
        "holds for": "适用于",
        "holds if": "成立条件",
        "id": "编号",
        "in force": "有效授权",
        "in the log": "入日志",
        "in the table": "在表内",
        "in the tree since root": "入树根",
        "items a run": "每次运行项目数",
        "index": "日志条目",
        "instances": "客户端实例",
        "intercept": "截距",
        "issued": "签发时间",
        "iterations": "迭代次数",
        "job": "作业",
        "job kinds": "作业类型",
        "joined": "关联数据资源",
        "key": "密钥",
        "key name": "密钥名",
        "keys as pinned": "密钥与固定值一致",
        "kind": "类型",
        "kinds": "类型",
        "known before": "此前已知",
        "knows you as": "识别身份",
        "label": "分类分级",
        "labels up to": "分类分级上限",
        "late": "逾期",
        "leaf": "日志条目",
        "leakage": "泄露声明",
        "leaves": "日志条目",
        "leaves of trees": "叶节点取值",
        "left": "剩余",
        "let out by": "已放行节点",
        "attack": "成员推断攻击",
        "bar": "门限",
        "advantage": "优势",
        "attacked with": "攻击所用数据",
        "lowest": "最小值",
        "noise allows": "噪声所容上限",
        "log": "存证日志",
        "log entry": "日志条目",
        "loss": "损失",
        "made, and never answered": "已作出、未答复",
        "mandates": "授权运营协议",
        "manifest": "清单",
        "mean": "均值",
        "missing": "缺失",
        "mode": "方式",
        "model": "模型",
        "name": "名称",
        "narrower": "更小够用",
        "newest root": "最新根",
        "nodes": "参与节点",
        "noise": "噪声",
        "not in the table": "不在表内",
        "not made by this home": "非本客户端所作",
        "not verified": "未验证",
        "number": "序号",
        "of": "所属",
        "opened": "已公开",
        "opened at": "提出时间",
        "opened by": "提出方",
        "openings": "依令公开",
        "order": "交易机构订单号",
        "outputs": "交付内容",
        "own columns": "购买方自有列",
        "own rows": "购买方行数",
        "over the cap": "超出封顶",
        "owed": "应付",
        "paid for": "已付费",
        "parameters": "参数个数",
        "part of": "隶属",
        "party": "参与方",
        "people": "人",
        "period": "期限",
        "permitted": "是否可用",
        "person": "个人",
        "plan": "最小执行计划",
        "precision": "精度",
        "predicted": "预测值",
        "predicts": "预测目标",
        "price": "单价",
        "privacy": "隐私消耗",
        "privacy budget": "隐私预算",
        "privacy left": "剩余隐私预算",
        "privacy in all": "隐私消耗（合计）",
        "privacy spent": "已消耗隐私",
        "product": "数据产品",
        "products": "数据产品",
        "progress": "进度",
        "purposes": "用途",
        "quantile": "分位数",
        "rate": "速率",
        "reads": "读取列",
        "reason": "原因代码",
        "receipt": "存证回执",
        "rho": "隐私代价 ρ",
        "rho a run": "每次运行的 ρ",
        "receipts": "存证回执",
        "recipient": "接收方",
        "region": "地域",
        "releases": "交付次数",
        "remedy": "处理办法",
        "request": "请求",
        "requested by": "查询方",
        "requests": "请求数",
        "result": "结果",
        "revoked": "已吊销",
        "role": "角色",
        "root": "根",
        "rows": "行数",
        "rows a person": "每人行数上限",
        "rows a unit": "每计量单位行数",
        "ring": "多项式环",
        "security": "安全强度",
        "rule": "规则",
        "rules": "规则",
        "ruling": "裁定",
        "runs begun": "已运行次数",
        "sample": "抽样",
        "says": "内容",
        "scenario": "应用场景",
        "scenarios": "应用场景",
        "scheme": "方案",
        "scores": "评分",
        "second": "第二个",
        "seed": "种子",
        "service fee": "服务费",
        "set by": "设定方",
        "signature": "签名",
        "signatures": "签名",
        "signed": "已签",
        "signed by": "签署方",
        "shown exactly": "精确公布的分区",
        "snapshot": "快照",
        "snapshot of": "快照日期",
        "source": "来源",
        "spent": "已消耗",
        "splits": "分裂变量",
        "started": "开始",
        "state": "状态",
        "status": "状态",
        "steps": "步数",
        "stopped by": "停用方",
        "subject": "主体",
        "subjects": "主体",
        "sum": "合计",
        "sum of": "合计列",
        "suppressed": "已隐去",
        "table": "数据资源",
        "tables": "数据资源",
        "taken on by": "承接方",
        "template": "模板",
        "tier": "层级",
        "time": "时间",
        "title": "标题",
        "to": "收款方",
        "together with": "共同参与节点",
        "joint clause": "联合条款",
        "trains": "训练",
        "type": "类型",
        "unit": "单位",
        "units": "计量单位",
        "units a run": "每次运行计量单位",
        "until": "截止",
        "used": "已用",
        "used for": "适用场景说明",
        "values": "取值",
        "values from": "取值范围",
        "variance": "方差",
        "variance explained": "解释方差比例",
        "version": "版本",
        "led by": "牵头节点",
        "vouched for": "诚实节点下限",
        "waits for": "待签署方",
        "wanted": "要求",
        "weight": "权重",
        "weights": "权重数",
        "what": "事由",
        "without a form": "无规范形式",
        "why": "原因",
        "withdrawals": "撤回",
        "withdrawn": "已撤回",
        "within": "时限",
        "witness": "见证方",
        "witnessed": "已见证",
        "witnesses": "见证方数",
        "words": "文字",
    }
)

WORDS: Mapping[str, str] = MappingProxyType({**_HEADINGS, **SENTENCES})
"""All that `say` has words for."""

PHRASES: Mapping[str, str] = MappingProxyType(
    {
        "Answer to order ": "对命令的答复 ",
        "As asked for: ": "按申请：",
        "Certificate ": "登记凭证 ",
        "Consent ": "授权 ",
        "Contract ": "合约 ",
        "Export of ": "导出 ",
        "Held release ": "待审交付物 ",
        "Intersection of a set of ": "隐私求交，项目数 ",
        "Encrypted training": "密态训练",
        "Job ": "作业 ",
        "Mandate ": "授权运营协议 ",
        "Menu of contract ": "合约菜单 ",
        "Model of an encrypted training": "密态训练的模型",
        "Node ": "节点 ",
        "Objection ": "异议 ",
        "Opened on order ": "依令公开 ",
        "Order ": "命令 ",
        "Party ": "参与方 ",
        "Privacy budget of contract ": "合约隐私预算 ",
        "Privacy ledger of table ": "隐私预算台账 ",
        "Product ": "数据产品 ",
        "Quota left under ": "剩余用量 ",
        "Receipt ": "存证回执 ",
        "Released model": "放行的模型",
        "Report ": "报告 ",
        "Rules ": "规则文件 ",
        "Scores of rows: ": "密文评分，行数：",
        "Table ": "数据资源 ",
        "Template ": "模板 ",
        "The table of epoch ": "密钥周期的密文表 ",
        "Trained model": "训练所得模型",
        "Training": "联合建模",
        "Usage of contract ": "合约用量 ",
        "Verdict on ": "核验结果 ",
        "by ": "按 ",
        "data fee to": "数据费收款方",
        "labels demand ": "分类分级要求 ",
        "never: ": "禁止：",
        "of ": "指标 ",
        "refused by ": "不满足条款 ",
        "rule ": "规则 ",
        "held at ": "待审 ",
        "not let out by ": "未准予出域 ",
        "no answer of ": "无应答 ",
        "service fee to": "服务费收款方",
        "still refused by ": "仍不满足条款 ",
        "sum:": "合计：",
        "where ": "条件 ",
    }
)
