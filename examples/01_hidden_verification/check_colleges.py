"""Ask about subjects without the operator learning which, and prove what was paid for.

Run by a buyer who has joined a node and signed a contract of kind `lookup` (see README.md):

    .venv/bin/python examples/01_hidden_verification/check_colleges.py HOME CONTRACT SUBJECT...
"""

import sys
from pathlib import Path

from unseen.client import Answer, Client, RefusedError
from unseen.evidence import trust
from unseen.evidence.verify import verify_receipt


def main() -> int:
    """Ask, print the answers, and verify every receipt as a stranger would."""
    # Not argparse: an id may begin with a hyphen, which it would take for an option.
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    home, contract, *subjects = sys.argv[1:]

    with Client(home) as client:
        print(client.contract(contract))  # a card: terms, quota, prices, who has signed
        try:
            # One request for all: blinded here, charged once, cached within the epoch.
            verdicts = client.lookup_many(contract, subjects)
        except RefusedError as error:
            print(f"refused by {error.clause}: {error}\n{error.remedy}", file=sys.stderr)
            return 3
        for verdict in verdicts:
            said = ", ".join(f"{name}: {answer}" for name, answer in verdict.answers.items())
            good = all(answer is Answer.YES for answer in verdict.answers.values())
            print(
                f"{' / '.join(verdict.subject)}  {said}  -> {'accept' if good else 'look closer'}"
            )
        print(client.usage(contract))

    # From here on nothing but two files is needed: no node, no home, no network.
    keys = trust.parse((Path(home) / "parties.json").read_bytes())
    for path in sorted({verdict.receipt_path for verdict in verdicts}):
        facts = verify_receipt(path.read_text().removesuffix("\n"), keys)
        print(
            f"{path.name}: {facts.buyer} paid {facts.units} units, entry {facts.index} of the log"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
