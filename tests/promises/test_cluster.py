"""A node whose long tasks run on a cluster: it answers as ever, and waits for it alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.node.clusters import Cluster
from tests.promises import hidden, intersecting
from tests.promises.counting import Counting
from tests.promises.stage import Stage, wait_until

from unseen.client.errors import UnreachableError
from unseen.client.verdicts import Verdict


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path / "files")
    try:
        found.start(workers=2)
        yield found
    finally:
        found.close()


def test_a_node_builds_on_its_cluster_and_outlives_it(
    copy: Callable[[], Stage], cluster: Cluster, tmp_path: Path
) -> None:
    stage, shared = copy(), tmp_path / "shared"
    settings = {
        "UNSEEN_EXECUTOR": cluster.address,
        "UNSEEN_CLUSTER": str(cluster.files),
        "UNSEEN_SHARED": str(shared),
        "UNSEEN_CUT_ROWS": "1",
        "UNSEEN_CUT_COUNT_ROWS": "1",
    }
    stage.start(**settings)
    contract = stage.contract()
    assert stage.lender.lookup(contract, stage.people[1].subject).found
    (spool,) = shared.iterdir()
    assert spool.name.startswith("unseen-")  # and what was built in it is in the home
    assert not list(spool.iterdir())

    intersecting.offer(stage)
    common = intersecting.contract(stage)
    items = intersecting.subjects(stage, 20, 5)
    found = stage.lender.intersect(common, items)
    assert intersecting.there(found.found) == set(items[:20])
    assert not list(spool.iterdir())

    counted = Counting.on(stage)
    residents = counted.contract()
    answers = stage.lender.statistics(residents)
    for row in answers.partition().to_dicts():
        true = sum(each.region == row["region"] for each in counted.residents)
        assert row["count"] is None or abs(int(str(row["count"])) - true) <= 2
    assert answers.count(by="region", rho="0.02").to_dicts()
    before = stage.lender.usage(residents)

    cluster.kill_scheduler()  # nothing is long about a question
    known = stage.lender.lookup(contract, stage.people[2].subject)
    assert {name: answer.value for name, answer in known.answers.items()} == stage.people[2].answers
    with pytest.raises(UnreachableError) as lost:
        answers.mean("cost", rho="0.02")
    assert lost.value.reason == "CLUSTER_LOST"
    assert stage.lender.usage(residents) == before
    second = stage.contract(buyer="rival")
    wait_until(lambda: bool(stage.rival.jobs(second)))  # put in after the signature
    wait_until(lambda: "nothing answers at" in stage.output.read_text())
    (job,) = stage.rival.jobs(second)
    assert job.live


@pytest.mark.long
def test_a_cluster_answers_from_a_hidden_table_and_a_question_outlives_it(
    copy: Callable[[], Stage], cluster: Cluster, tmp_path: Path
) -> None:
    stage, shared = copy(), tmp_path / "shared"
    stage.start(
        UNSEEN_EXECUTOR=cluster.address,
        UNSEEN_CLUSTER=str(cluster.files),
        UNSEEN_SHARED=str(shared),
        UNSEEN_MATRIX_MB="0",
    )
    contract = hidden.agree(stage)
    people = stage.people[:6]

    def answered(verdicts: Sequence[Verdict]) -> list[dict[str, str]]:
        return [{name: each.value for name, each in one.answers.items()} for one in verdicts]

    expected = [{name: each.answers[name] for name in ("earns_40k", "earns")} for each in people]
    found = stage.lender.lookup_many(contract, [[each.subject] for each in people[:3]])
    assert answered(found) == expected[:3]
    (matrix,) = shared.glob("*-matrices/*.matrix")
    assert matrix.name == f"{contract}-1.matrix"
    link = stage.home / "tables" / matrix.name
    assert link.is_symlink()
    assert link.resolve() == matrix
    assert cluster.tasks()  # they wait for the next question

    stage.operator.refresh_table("people")  # it is built again under its key
    again = matrix.with_name(f"{contract}-1.2.matrix")
    wait_until(lambda: again.exists() and not matrix.exists())
    found = stage.lender.lookup_many(contract, [[each.subject] for each in people[3:5]])
    assert answered(found) == expected[3:5]
    matrix, link = again, link.with_name(again.name)
    assert link.resolve() == matrix

    cluster.kill_scheduler()
    with pytest.raises(UnreachableError) as lost:
        stage.lender.lookup(contract, people[5].subject)
    assert lost.value.reason == "CLUSTER_LOST"
    assert stage.lender.usage(contract).units_used == 6
    cluster.start(workers=1)
    (request,) = stage.lender.unanswered(contract)
    assert answered(stage.lender.fetch_answers(request)) == expected[5:]
    assert stage.lender.usage(contract).units_used == 6  # charged, once

    stage.stop()
    stage.start(UNSEEN_SHARED=str(shared))  # without the cluster the node answers by itself
    verdict = stage.lender.lookup(contract, people[0].subject)
    assert answered([verdict]) == expected[:1]
    stage.operator.revoke(contract)
    wait_until(lambda: not matrix.exists())
    assert not [path for path in link.parent.iterdir() if path.is_symlink()]


def test_a_node_does_not_start_without_the_clusters_files(copy: Callable[[], Stage]) -> None:
    assert copy().refuses_to_start(UNSEEN_EXECUTOR="dask://127.0.0.1:1") == "CONFIG_INVALID"
