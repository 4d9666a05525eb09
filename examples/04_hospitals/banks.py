"""Three banks answer one question and fit one model of bad loans, and show nobody a loan.

Three nodes over German credit and a research institute that holds no rows, all on this machine.
Run it from the repository's folder:

    .venv/bin/python examples/04_hospitals/banks.py [FOLDER]
"""

from story import Plan, tell

PLAN = Plan(
    title="Three banks",
    cut="banks",
    subject=("loan",),
    menu="bank_menu.toml",
    training="bank_training.toml",
    of="amount",
    by="account",
    asked="2",
    model="4",
    budget="6",
    purpose=(
        "To compare joint and pooled models on an old table; for no decision about anybody.",
        "用于在历史数据上比较联合模型与集中模型, 不用于针对个人的任何决定。",
    ),
)

if __name__ == "__main__":
    tell(PLAN)
