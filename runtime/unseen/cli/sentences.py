"""Sentences of the command line in two languages: values on cards, advice, refusals' titles.

English is the key; what stands in braces is filled in later. `words.say` looks them up.
"""

from collections.abc import Mapping
from types import MappingProxyType

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        # Values on cards: what stands in braces stays as it is.
        "{} of {} are done": "已完成 {}，共 {}",
        "any buyer; intersections, encrypted trainings: only those that follow the protocol": (
            "任何购买方；求交计数与求和、密态训练仅适用于遵循协议的购买方"
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
        # Scores of rows.
        "scores within {} of the model's own": "评分与模型本身相差不超过 {}",
        "{} to {}, on average {}": "{} 至 {}，平均 {}",
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
