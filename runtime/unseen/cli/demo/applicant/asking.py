"""Applicants are asked about; what the bank holds of it, and what the register."""

from typing import TYPE_CHECKING, Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.cast import Scene
from unseen.cli.demo.applicant.texts import headings, told
from unseen.cli.demo.checks import check
from unseen.cli.demo.search import search, text

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract
    from unseen.client.evidence import Leaf

_SHOWN = 12  # digits of what is random


def ask(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Let the bank ask about each applicant of the first day."""
    screen = scene.screen
    screen.doing("asking")
    rows: list[tuple[object, ...]] = []
    answers: list[dict[str, Any]] = []
    for one in script.APPLICANTS:
        verdict, seconds = asked(scene, contract, one)
        took = f"{seconds:.2f} s" + ("" if answers else " *")
        rows.append((one.name, *one.form[2:], told(one.answer), took))
        answers.append({**verdict, "milliseconds": round(seconds * 1000, 1)})
        screen.tick()
    screen.section(told("asked"))
    screen.table(headings("asked.head"), rows)
    _, wrong, unknown, silent = (one.name for one in script.APPLICANTS)
    screen.say(
        told("asked.first"),
        told("asked.forms"),
        told("asked.why", wrong=wrong, unknown=unknown, silent=silent),
    )
    return {"answers": answers}


def asked(
    scene: Scene, contract: "Contract", one: script.Applicant, answer: str = ""
) -> tuple[dict[str, Any], float]:
    """Return the verdict on an applicant, which has to be `answer` or else the plot's."""
    expected = answer or one.answer
    done = scene.buyer.do("lookup", contract=contract.id, subject=list(one.form))
    verdict: dict[str, Any] = done["verdict"]
    found = verdict["answers"]
    check(
        found == {script.OUTPUT: expected} and not verdict["cached"],
        f"the answer about {one.name} is {expected}, and not {found}",
    )
    return verdict, float(done["seconds"])


def both_sides(scene: Scene, contract: "Contract", answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Show side by side what the bank holds of each question, and what the register."""
    screen = scene.screen
    screen.doing("searching")
    releases = [leaf for leaf in scene.operator.leaves() if leaf.type == "release"]
    check(len(releases) == len(answers), "the log holds one release for each question")
    rows, seen = [], []
    for one, answer, leaf in zip(script.APPLICANTS, answers, releases, strict=True):
        request: Any = leaf.fields["request"]
        check(request["request"] == answer["request"], "the log has them in their order")
        check(request["contract"] == contract.id, "and under this contract")
        sent = scene.buyer.do("sent", request=answer["request"])
        seen.append(sent)
        holds = told("sides.holds", form=one.written, answer=told(one.answer))
        rows.append((holds, _came(leaf, request, sent)))
        screen.tick()
    every = [element for sent in seen for element in (*sent["blinded"], sent["queries"])]
    check(len(set(every)) == len(every), "nothing came twice")
    sizes = {(len(sent["blinded"]), sent["count"], sent["size"]) for sent in seen}
    check(len(sizes) == 1, f"as much came of everybody, {sizes}")
    check({size[:2] for size in sizes} == {(2, 3)}, "two elements and three queries")
    screen.section(told("sides"))
    screen.table(headings("sides.head"), rows)
    searched = _nowhere(scene)
    screen.say(told("sides.why"), told("sides.searched", **searched), *_not_learned(scene))
    return {"register_saw": {"questions": seen, **searched}}


def _came(leaf: "Leaf", request: dict[str, Any], sent: dict[str, Any]) -> str:
    """Return what the register has of a question."""
    shown = ", ".join(f"{element[:_SHOWN]}..." for element in sent["blinded"])
    return told(
        "sides.came",
        entry=leaf.index,
        units=request["units"],
        elements=shown,
        count=sent["count"],
        size=sent["size"],
        queries=sent["queries"][:_SHOWN],
    )


def _nowhere(scene: Scene) -> dict[str, int]:
    """Look for every applicant in all that the node has on disk; return how much that is."""
    wanted = {part for one in script.APPLICANTS for part in _traces(one)}
    places = (scene.folder.node, scene.folder.node_log)
    looked = search(places, *(text(part) for part in sorted(wanted)))
    check(not looked.found, f"the node's files hold no applicant, but {looked.found} do")
    return {"files": looked.files, "size": looked.size}


def _traces(one: script.Applicant) -> set[str]:
    """Return what would show that somebody was asked about: surname and number, as written."""
    surname, number = one.form[1], one.form[3]
    return {surname, surname.lower(), surname.upper(), number, number.replace(" ", "")}


def _not_learned(scene: Scene) -> list[str]:
    """Look for what the register has otherwise than its form in all that the bank has on disk."""
    held = scene.resident(script.WRONG.person)[2]
    check(held == script.HELD, f"the register says {script.HELD}, not {held}")
    date = f"{held[:4]}-{held[4:6]}-{held[6:]}"
    looked = search([scene.folder.bank, scene.folder.bank_log], text(held), text(date))
    check(not looked.found, f"the bank's files do not hold {date}; {looked.found} do")
    return [told("sides.bank", name=script.WRONG.name, date=date, files=looked.files)]
