"""What runs in the second sandbox: every declared file, read and written as what leaves of it."""

import sys
from pathlib import Path

from unseen.evidence import canonical
from unseen.evidence.contracts.outputs import TypedOutput
from unseen.evidence.errors import ReleaseInvalidError
from unseen.sandbox.formats.encoding import encoded, most_bytes

_MOST_DECLARED = 1 << 26


def main(inputs: str, outputs: str) -> None:
    """Read the files in one folder and write `NAME.value` into the other; end with 1 if one fails.

    What failed is said by its clause, which quotes nothing of a file.
    """
    declared = canonical.decode((Path(inputs) / "declared.json").read_bytes(), _MOST_DECLARED)
    try:
        for one in declared if isinstance(declared, list) else []:
            output = TypedOutput.from_json(one)
            with (Path(inputs) / output.file).open("rb") as file:
                found = encoded(output, file.read(most_bytes(output) + 1))
            (Path(outputs) / f"{output.name}.value").write_bytes(found)
    except ReleaseInvalidError as error:
        sys.stdout.write(f"clause {error.clause}\n")
        sys.stdout.flush()
        sys.exit(1)
