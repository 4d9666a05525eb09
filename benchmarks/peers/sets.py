"""The two sets of the bench `psi`, as texts: what `unseen.bench.psi` has as bytes."""


def made(n: int, common: int) -> tuple[list[str], list[str]]:
    """Return two sets of n items, `common` in a hundred of them in both."""
    shared = n * common // 100
    mine = [f"item {number}" for number in range(n)]
    theirs = [f"item {number}" for number in range(n - shared, 2 * n - shared)]
    return mine, theirs
