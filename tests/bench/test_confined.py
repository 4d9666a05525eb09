"""The bench of the sandbox at its smallest: each job beside its plain twin."""

from tests.sandbox.boxes import needs_bubblewrap

from unseen.bench import confined, measuring


@needs_bubblewrap
def test_a_confined_job_stands_beside_a_plain_one() -> None:
    given = confined.BENCH.parameters(["jobs=1"])
    found = {item.name: item for item in measuring.run(confined.BENCH, given, 1)}
    assert found["sandbox/empty"].limit == "sandbox/empty/plain"
    assert found["sandbox/numpy"].target == confined.NUMPY_TARGET
    assert "over plain" in found["sandbox/empty"].note
