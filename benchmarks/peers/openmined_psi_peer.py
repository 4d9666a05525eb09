"""OpenMined's PSI (openmined-psi 2.0), both parties in one process, beside the bench `psi`.

Diffie-Hellman over P-256, all of it: both keys, the server's filter of its own set (Golomb, one
false match in 10^9, the shortest it has), the request, the answer, and what is found.
"""

import private_set_intersection.python as psi

from answering import Answer, given, serve
from sets import made

FALSE_MATCHES = 1e-9


def run(mine: list[str], theirs: list[str], *, reveal: bool) -> Answer:
    """Find which items are in both, or how many, and count the bytes."""
    client = psi.client.CreateWithNewKey(reveal)
    server = psi.server.CreateWithNewKey(reveal)
    golomb = psi.DataStructure.GCS
    own = server.CreateSetupMessage(FALSE_MATCHES, len(mine), theirs, golomb)
    asked = client.CreateRequest(mine)
    answer = server.ProcessRequest(asked)
    if reveal:
        found = len(client.GetIntersection(own, answer))
    else:
        found = client.GetIntersectionSize(own, answer)
    down = own.ByteSize() + answer.ByteSize()
    return {"found": found, "up": asked.ByteSize(), "down": down, "rounds": 1}


def main() -> None:
    """Answer each line."""
    asked = given()
    mine, theirs = made(asked["n"], asked["common"])
    serve(
        {
            "ecdh": lambda _: run(mine, theirs, reveal=True),
            "cardinality": lambda _: run(mine, theirs, reveal=False),
        }
    )


if __name__ == "__main__":
    main()
