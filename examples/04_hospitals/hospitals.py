"""Three hospitals and an insurer answer one question and fit one model, and show nobody a row.

Four nodes over the RAND Health Insurance Experiment and a research institute that holds no rows,
all on this machine. Run it from the repository's folder:

    .venv/bin/python examples/04_hospitals/hospitals.py [FOLDER]
"""

from story import Plan, tell

PLAN = Plan(
    title="Three hospitals and an insurer",
    cut="hospitals",
    subject=("zper", "year"),
    menu="menu.toml",
    training="training.toml",
    of="visits",
    by="coinsurance",
    asked="1",
    model="4",
    budget="5",
    purpose=(
        "To see who goes to a physician, by age, health and plan; for no decision about anybody.",
        "用于了解不同年龄、健康状况和保险方案的人群就诊情况, 不用于针对个人的任何决定。",
    ),
)

if __name__ == "__main__":
    tell(PLAN)
