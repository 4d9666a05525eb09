"""One sum over three hospitals, and what each side saw of it."""

from typing import Any

from unseen.cli.demo.checks import check
from unseen.cli.demo.hospitals import script
from unseen.cli.demo.hospitals.cast import Scene
from unseen.cli.demo.hospitals.texts import headings, told

_FAR = 8  # standard deviations that no answer is off by, in 2^50 of them
_WORD = 1 << 64


def ask(scene: Scene) -> dict[str, Any]:
    """Let the insurer ask for a mean by groups, and hold it against all rows in one place."""
    from unseen.cli.demo.hospitals import truth

    screen = scene.screen
    screen.doing("asking")
    contracts = scene.contracts(script.SUM)
    with scene.buyer.heard(lambda _: screen.tick()):
        done = scene.buyer.do("ask", contracts=contracts, epsilon=script.EPSILON)
    answer = done["answer"]
    check(tuple(answer["nodes"]) == script.HOSPITALS, "all three nodes are in the sum")
    true = truth.means({name: each.own for name, each in scene.hospitals.items()})
    rows = []
    for row, exact in zip(answer["rows"], true, strict=True):
        off, noise = abs(row["mean"] - exact), row["mean_noise"]
        check(off < _FAR * noise, f"a mean is near {exact:.2f}, give or take {noise:.2f}")
        rows.append(
            (
                row["coinsurance"],
                f"{row['count']:,.0f}",
                f"{row['count_noise']:,.0f}",
                f"{row['mean']:.2f}",
                f"{noise:.2f}",
                f"{exact:.2f}",
            )
        )
    screen.section(told("asked"))
    screen.say(told("asked.what", epsilon=script.EPSILON))
    screen.table(headings("asked.head"), rows)
    screen.say(told("asked.noise", seconds=f"{done['seconds']:.1f}"))
    return {"sum": answer | {"exact": true, "seconds": round(done["seconds"], 2)}} | _seen(
        scene, answer, done["seen"]
    )


def _seen(scene: Scene, answer: dict[str, Any], masked: dict[str, list[str]]) -> dict[str, Any]:
    """Show the first coordinate, how many rows have free care: at each hospital, and as it left."""
    screen = scene.screen
    own = {name: each.own.cells()[0][0] for name, each in scene.hospitals.items()}
    words = {name: masked[name][0] for name in own}
    for name, word in words.items():
        # 64 bits of a mask are near a count, noise and all, once in 2^40.
        check(_WORD >> 24 < int(word, 16) < _WORD - (_WORD >> 24), f"{name} has masked its count")
    added = sum(int(word, 16) for word in words.values()) % _WORD
    shown, truth = round(answer["rows"][0]["count"]), sum(own.values())
    check(abs(added - truth) > _WORD >> 24, "masked vectors alone do not add up to the sum")
    entry = _entry(scene, script.HOSPITALS[0])
    screen.section(told("saw"))
    unknown = told("saw.unknown")
    screen.table(
        headings("saw.head"),
        [
            *((name, f"{count:,}", words[name]) for name, count in own.items()),
            (told("saw.added"), unknown, f"{added:016x}"),
            (told("saw.opened"), unknown, told("saw.result", shown=shown, truth=truth)),
        ],
    )
    screen.say(told("saw.why"), told("saw.hospital", **entry))
    return {"seen": {"own": own, "masked": words, "added": f"{added:016x}", "opened": shown}}


def _entry(scene: Scene, name: str) -> dict[str, Any]:
    """Return what a node's log holds of the question."""
    hospital = scene.hospitals[name]
    releases = [leaf for leaf in hospital.operator.leaves() if leaf.type == "release"]
    check(len(releases) == 1, "the log holds one release")
    (leaf,) = releases
    request: Any = leaf.fields["request"]
    check(request["contract"] == hospital.contracts[script.SUM], "it is under this contract")
    return {
        "entry": leaf.index,
        "commitment": str(leaf.fields["release"])[:16],
        "rho": leaf.fields["privacy"],
    }
