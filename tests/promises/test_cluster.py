"""A node whose long tasks run on a cluster: it answers as ever, and waits for it alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.node.clusters import Cluster
from tests.promises import intersecting
from tests.promises.counting import Counting
from tests.promises.stage import Stage, wait_until

from unseen.client.errors import UnreachableError


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
    wait_until(lambda: "nothing answers at" in stage.output.read_text())
    (job,) = stage.rival.jobs(second)
    assert job.live


def test_a_node_does_not_start_without_the_clusters_files(copy: Callable[[], Stage]) -> None:
    assert copy().refuses_to_start(UNSEEN_EXECUTOR="dask://127.0.0.1:1") == "CONFIG_INVALID"
