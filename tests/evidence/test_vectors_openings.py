"""The frozen bytes of orders, draws, responses, objections and openings with their plan.

`tests/vectors/evidence/formats_v1_openings.json` was written by `frozen` below, from the fixed
keys of `conftest.py`.
"""

import json
from pathlib import Path
from typing import Any

from tests.evidence.test_batch import batch_of, item_of
from tests.evidence.test_objection import Case as Objecting
from tests.evidence.test_order import Case as Ordering
from tests.evidence.test_response import Case as Responding
from tests.evidence.test_vectors import PEOPLE, clear_opening

from unseen.evidence import canonical
from unseen.evidence.oversight.batch import make_batch_opening, verify_batch_opening
from unseen.evidence.oversight.clear import verify_clear_opening
from unseen.evidence.oversight.objections import Status, follow
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.oversight.order import check_draw, sign_draw, verify_draw, verify_order
from unseen.evidence.oversight.response import sign_response, verify_response

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/formats_v1_openings.json").read_text(
        encoding="utf-8"
    )
)


def frozen(world: Any, lookup: Any) -> dict[str, str]:
    ordering, responding, objecting = Ordering(world), Responding(world), Objecting(world)
    singles = list(lookup.ask_all(PEOPLE))
    batch = batch_of(lookup, singles[0], world.plan())
    opened = make_batch_opening(batch, [item_of(single) for single in singles])
    plan = {"plan": world.plan().to_json()}
    return {
        "order": ordering.token,
        "order_sample": ordering.sampled,
        "draw": sign_draw(ordering.regulator, ordering.drawn()),
        "response": sign_response(world.client, responding.response()),
        "objection": objecting.first,
        "objection_answer": objecting.answer(),
        "objection_close": objecting.close(),
        "opening_plan": canonical.encode(singles[1] | plan).decode(),
        "opening_batch": canonical.encode(opened).decode(),
        "opening_clear_plan": canonical.encode(clear_opening(world) | plan).decode(),
    }


def test_every_format_is_what_it_was(world: Any, lookup: Any) -> None:
    assert frozen(world, lookup) == VECTORS[world.suite.id]


def test_the_frozen_documents_verify(world: Any) -> None:
    vector, case = VECTORS[world.suite.id], Ordering(world)
    assert verify_order(vector["order"], case.terms).requests
    order = verify_order(vector["order_sample"], case.terms)
    drawn = verify_draw(vector["draw"], order, case.sampled_id)
    check_draw(drawn, 3, [f"{number:032x}" for number in range(20)])
    responding = Responding(world)
    response = verify_response(
        vector["response"], bytes(range(32)), responding.terms, world.buyer.public_key
    )
    assert response.response == responding.response()
    objecting = Objecting(world)
    tokens = [vector[f"objection{part}"] for part in ("", "_answer", "_close")]
    (objection,) = follow(tokens, objecting.terms, objecting.keys)
    assert objection.status is Status.SETTLED


def test_the_frozen_openings_verify(world: Any) -> None:
    vector = VECTORS[world.suite.id]
    opened = {
        name: canonical.decode(vector[name].encode()) for name in vector if name[:7] == "opening"
    }
    single = verify_opening(opened["opening_plan"], world.trust)
    clear = verify_clear_opening(opened["opening_clear_plan"], world.trust)
    batch = verify_batch_opening(opened["opening_batch"], world.trust)
    assert single.plan == clear.plan == batch.items[0].plan == world.plan()
    assert dict(batch.items[1].verdicts) == dict(single.verdicts)
