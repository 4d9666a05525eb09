"""The lender's process. Run as `python -m unseen.cli.demo.colleges.buyer HOME`; see `buying`."""

from unseen.cli.demo.buying import Desk, work

if __name__ == "__main__":
    work(Desk)
