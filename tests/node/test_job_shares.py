"""Fairness: no buyer starves, whatever the others send, and none gains by having been away."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from unseen.node.jobs.shares import Shares, Waiting

BUYERS = "abcd"
COST = 100
arrivals = st.lists(
    st.lists(
        st.tuples(st.sampled_from(BUYERS), st.integers(1, COST)),
        max_size=6,
    ),
    min_size=1,
    max_size=40,
)


class Line:
    """What waits, and who was served."""

    def __init__(self) -> None:
        self.shares, self.waiting, self.served = Shares(), list[Waiting](), list[Waiting]()

    def add(self, account: str, cost: int = 1) -> Waiting:
        job = Waiting(str(len(self.waiting) + len(self.served)), account, cost)
        self.waiting.append(job)
        return job

    def serve(self) -> Waiting:
        chosen, self.shares = self.shares.choose(self.waiting)
        self.waiting.remove(chosen)
        self.served.append(chosen)
        return chosen


@given(rounds=arrivals)
def test_no_buyer_starves(rounds: list[list[tuple[str, int]]]) -> None:
    """While a buyer's first job waits, any other gets at most one costly job beyond its share."""
    line = Line()
    since: dict[str, Counter[str]] = {}  # by buyer that waits: work others got meanwhile
    got: Counter[str] = Counter()
    for arriving in rounds:
        for account, cost in arriving:
            line.add(account, cost)
            since.setdefault(account, Counter())
        if not line.waiting:
            continue
        chosen = line.serve()
        got[chosen.account] += chosen.cost
        since.pop(chosen.account)
        if any(job.account == chosen.account for job in line.waiting):
            since[chosen.account] = Counter()
        for waited in since.values():
            waited[chosen.account] += chosen.cost
        for account, waited in since.items():
            most = max(waited.values(), default=0)
            assert most <= 3 * COST, (account, waited)


@given(
    costs=st.dictionaries(
        st.sampled_from(BUYERS), st.lists(st.integers(1, COST), min_size=1), min_size=2
    ),
    turns=st.integers(1, 200),
)
def test_two_who_always_wait_get_the_same_but_for_a_job_of_each(
    costs: dict[str, list[int]], turns: int
) -> None:
    line, got, next_of = Line(), Counter[str](), Counter[str]()
    for account in costs:
        line.add(account, costs[account][0])
    for _ in range(turns):
        chosen = line.serve()
        got[chosen.account] += chosen.cost
        next_of[chosen.account] += 1
        own = costs[chosen.account]
        line.add(chosen.account, own[next_of[chosen.account] % len(own)])
    for one, own in costs.items():
        for other, others in costs.items():
            assert got[one] - got[other] <= max(own) + max(others)


@given(flood=st.integers(1, 200), costs=st.lists(st.integers(1, COST), min_size=1, max_size=200))
def test_whoever_comes_new_waits_for_one_job_of_each_other(flood: int, costs: list[int]) -> None:
    line = Line()
    for number in range(flood):
        for account in "ab":
            line.add(account, costs[number % len(costs)])
    for _ in range(flood // 2):
        line.serve()
    newcomer = line.add("c", COST)
    before = 0
    while line.serve() is not newcomer:
        before += 1
    assert before <= 2


def test_equal_costs_are_a_round_robin_in_order_of_arrival() -> None:
    line = Line()
    for account in ("a", "a", "a", "b", "b", "c"):
        line.add(account)
    assert "".join(line.serve().account for _ in range(6)) == "abcaba"
    assert [job.id for job in line.served if job.account == "a"] == ["0", "1", "2"]


def test_having_been_away_earns_nothing() -> None:
    line = Line()
    line.add("b")
    line.serve()
    for _ in range(50):
        line.add("a")
        line.serve()
    for account in "abab" * 5:
        line.add(account)
    assert Counter(line.serve().account for _ in range(6)) == {"a": 3, "b": 3}


def test_a_job_that_says_it_costs_nothing_costs_one() -> None:
    line = Line()
    for account in ("a", "a", "b"):
        line.add(account, 0)
    assert [line.serve().account for _ in range(3)] == ["a", "b", "a"]


def test_what_is_remembered_does_not_grow() -> None:
    shares = Shares()
    for number in range(1000):
        _, shares = shares.choose([Waiting(str(number), f"buyer-{number}")])
    assert len(shares.finish) <= 2
