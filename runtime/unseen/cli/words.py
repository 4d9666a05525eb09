"""Fixed words of the command line in two languages: headings, names of rows, refusals' titles.

English is the key. What is not here stays as it is: messages of the node, states, reasons, names
and everything in JSON are the same in every language, so that they can be searched for.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Any

import typer


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


WORDS: Mapping[str, str] = MappingProxyType(
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
        "columns": "列",
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
        "price": "单价",
        "privacy": "隐私消耗",
        "privacy budget": "隐私预算",
        "privacy left": "剩余隐私预算",
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
        "rule": "规则",
        "rules": "规则",
        "ruling": "裁定",
        "runs begun": "已运行次数",
        "sample": "抽样",
        "says": "内容",
        "scenario": "应用场景",
        "scenarios": "应用场景",
        "scheme": "方案",
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
        "until": "截止",
        "used": "已用",
        "used for": "适用场景说明",
        "values from": "取值范围",
        "variance": "方差",
        "variance explained": "解释方差比例",
        "version": "版本",
        "led by": "牵头节点",
        "vouched for": "诚实节点下限",
        "waits for": "待签署方",
        "wanted": "要求",
        "weight": "权重",
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
        # Values on cards: what stands in braces stays as it is.
        "any buyer; over intersections, only those that follow the protocol": (
            "任何购买方；求交计数与求和仅适用于遵循协议的购买方"
        ),
        "at each node {}": "每个节点：{}",
        "before, within this epoch": "此前已付（同一密钥周期内）",
        "before: this home had the answer": "此前已付：本客户端已有该结果",
        "epsilon {} (rho {})": "ε {}（合 ρ {}）",
        "epsilon {} at delta {} (rho {})": "ε {}，失效概率 δ {}（合 ρ {}）",
        "epsilon {} at delta {}, for all questions together": ("ε {}，失效概率 δ {}，所有问题合计"),
        "epsilon {} at delta {}: rho {}": "ε {}，失效概率 δ {}：合 ρ {}",
        "none: nothing with noise is answered under this contract": (
            "无：本合约不答复任何加噪问题"
        ),
        "none: rounded, small and dominated cells suppressed": (
            "无噪声：已取整，人数过少或由少数人主导的单元格已隐去"
        ),
        "none: unseen table budget {} --epsilon E --delta D": (
            "无：unseen table budget {} --epsilon E --delta D"
        ),
        "nothing more: the node has given this very answer before": (
            "未再消耗：节点此前已给出同一结果"
        ),
        "match": "要素核验",
        "matched by": "匹配标识",
        "match: consistent": "一致",
        "match: inconsistent": "不一致",
        "match: no usable result": "库无",
        "now, one unit": "本次支付，一个计量单位",
        "now, one unit at each node": "本次支付，每个节点一个计量单位",
        "now, one unit at each node, one more at the lead": (
            "本次支付，每个节点一个计量单位，牵头节点另加一个"
        ),
        "rows that nobody can ask about: {}": "无法被查询的行：{}",
        "rho {} of {}": "ρ {}，总额 {}",
        "rho {}, alone an epsilon of {} at delta {}": "ρ {}，单独计为 ε {}，失效概率 δ {}",
        "rho {}, an epsilon of {}": "ρ {}，合 ε {}",
        "rho {}, as one answer an epsilon of {}, unless others spend the table's own budget"
        " before": "ρ {}，若一次用完合 ε {}；该表自身预算可能先被他人用完",
        "rows, as a unit": "行",
        "{} (version {})": "{}（版本 {}）",
        "{} at an epsilon of {} (rho {}) a question, over {} {}": (
            "{}：每个问题 ε {}（ρ {}）、按 {} {}计"
        ),
        "{} is one standard deviation": "{} 为一个标准差",
        "{} is one standard deviation, in {}, of the place in the order": (
            "{} 为排序位次的一个标准差，单位：{}"
        ),
        "{} is one standard deviation; {} nodes' noise is vouched for": (
            "{} 为一个标准差；至少含 {} 个诚实节点的噪声"
        ),
        "{}, for ever": "{}，永久有效",
        "{}: {} of epsilon {} at delta {} ({})": "{}：已用 ε {}，限额 ε {}，失效概率 δ {}（{}）",
        "{}; as one answer an epsilon of {}": "{}；若一次用完合 ε {}",
        # Advice on intersections.
        "a sum is for buyers that are trusted to follow the protocol: others may drown its noise,"
        " and epsilon does not hold for them": (
            "求和仅适用于被信任会遵循协议的购买方：偏离协议者可淹没噪声，ε 对其不成立"
        ),
        "your set is small beside the table: a contract over hidden lookups would do its work once"
        " for all questions, and this does it for each run": (
            "您的集合相对该表很小：隐匿查询合约只需处理该表一次即可答复所有问题，求交则每次都要处理"
        ),
        # Which way was taken to what a table has.
        "costs at most": "费用上限",
        "way": "方式",
        "it holds under {}, as was asked for": "按要求，它在 {} 模型下成立",
        "it was asked for": "按要求采用",
        "no other contract over the table has room for so many items": (
            "该表的其他合约均无法容纳这么多条目"
        ),
        "there is no contract of another kind over the table": "该表没有其他类型的合约",
        "{} items are few beside the table's rows": "{} 个条目相对该表的行数很少",
        "{} items are not few beside the table's rows": "{} 个条目相对该表的行数不算少",
        # Rulings of `meter resolve`.
        "billed as a hit, and was none": "按命中计费，实际未命中",
        "both sides have it": "双方一致",
        "no instance of the buyer's has signed the request": "购买方没有任何客户端实例签署过该请求",
        "the buyer's instance signed the request; no receipt is shown": (
            "购买方客户端实例已签署请求，但未出示存证回执"
        ),
        "the contract does not allow it": "合约不允许",
        "the node's own receipt shows another release of this id": (
            "节点自己的存证回执显示同一编号的另一次交付"
        ),
        "the node's own receipt shows that the log had it": "节点自己的存证回执证明日志曾有该条目",
        # What was found out, around the name of what it is about.
        "Certificate": "登记凭证",
        "Receipt": "存证回执",
        "Statement of contract": "合约结算单",
        "The bundle of request": "请求的证据包",
        "Demanded before anything is asked": "提问前的要求",
        "The log of": "存证日志",
        "The proof": "证明",
        "does not hold:": "不成立，问题数：",
        "holds.": "成立。",
        "is valid.": "有效。",
        # Lists with nothing in them.
        "Both statements say the same, to the byte.": "两份结算单逐字节一致。",
        "No certificates. They come with: unseen table add, product add, contract sign": (
            "没有登记凭证。产生凭证的命令：unseen table add、product add、contract sign"
        ),
        "No consent of this subject was ever handed over.": "从未收到该主体的授权。",
        "No contracts. Ask for one: unseen contract request PRODUCT ...": (
            "没有合约。申请：unseen contract request PRODUCT ..."
        ),
        "No heads.": "没有签名树头。",
        "No jobs.": "没有作业。",
        "No keys.": "没有密钥。",
        "No mandates. An authority signs one: unseen mandate sign FILE.toml": (
            "没有授权运营协议。由授权方签署：unseen mandate sign FILE.toml"
        ),
        "No objections.": "没有异议。",
        "No orders.": "没有命令。",
        "No parties. Invite one: unseen node invite NAME -o FILE": (
            "没有参与方。邀请：unseen node invite NAME -o FILE"
        ),
        "No privacy budgets. Set one: unseen table budget TABLE --epsilon E --delta D": (
            "没有隐私预算。设定：unseen table budget TABLE --epsilon E --delta D"
        ),
        "No receipts yet.": "尚无存证回执。",
        "No root: this node has had nothing to do with consent.": "没有树根：该节点未涉及授权。",
        "No tables. Register one: unseen table add NAME SOURCE --subject ... --label ...": (
            "没有数据资源。登记：unseen table add NAME SOURCE --subject ... --label ..."
        ),
        "No templates. Add one: unseen template add enterprise-credit-check": (
            "没有模板。添加：unseen template add enterprise-credit-check"
        ),
        "None.": "无。",
        "Nothing is disputed.": "没有争议项。",
        "Nothing is offered yet.": "尚无数据产品。",
        "Nothing waits. What was decided on: unseen review list --all": (
            "没有待审交付物。已审定的：unseen review list --all"
        ),
        "Nothing was taken over.": "没有承接内容。",
        "Nothing was used yet.": "尚无用量。",
        "The node names no types.": "节点未列出交付物类型。",
        # Titles of refusals.
        "Cannot do that": "无法执行",
        "Refused": "已拒绝",
        "Not reachable": "无法连接",
        "Proof failed": "证明不成立",
        "The demo stopped": "演示中止",
        "yes: fetch the answer by its request id": "已计费：可按请求编号取回结果",
        "see --help of this command": "见该命令的 --help",
        "ask the operator of the node": "请联系节点运营方",
        "run `unseen doctor`": "运行 `unseen doctor`",
        "tell its operator, then say the same again": "请通知该节点的运营方，恢复后再执行同一命令",
        "do not rely on it; ask whoever gave it to you for the original": (
            "勿采信，请向提供方索取原件"
        ),
    }
)

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
        "Job ": "作业 ",
        "Mandate ": "授权运营协议 ",
        "Menu of contract ": "合约菜单 ",
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
