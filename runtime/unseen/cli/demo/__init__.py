"""`unseen demo`: stories told by real nodes, real buyers and real data, each checked as it goes."""

from enum import Enum
from pathlib import Path
from typing import Final

from unseen.cli.output import Format


class Story(Enum):
    """What can be told; each is a package here with a `walk(home, form)`."""

    APPLICANT = "applicant"
    COLLEGES = "colleges"
    HOSPITALS = "hospitals"


TOLD: Final = {
    Story.APPLICANT: "a bank, a register of people, and what each of them does not learn",
    Story.COLLEGES: "one node, and questions whose subject it does not see",
    Story.HOSPITALS: "three nodes, one sum and one model over rows that stay where they are",
}


def demo(story: Story, home: Path | None, form: Format) -> None:
    """Tell a story; everything it makes lies in `home`.

    Raises:
        StepFailedError: a step did not come out as it is told.
        NodeError: a process of the story failed.
        UsageError: the folder is somebody else's, or the tables are not there.

    """
    # Each is loaded when it is told: the command line lists them without.
    if story is Story.APPLICANT:
        from unseen.cli.demo.applicant.walk import walk
    elif story is Story.HOSPITALS:
        from unseen.cli.demo.hospitals.walk import walk
    else:
        from unseen.cli.demo.colleges.walk import walk
    walk(home, form)
