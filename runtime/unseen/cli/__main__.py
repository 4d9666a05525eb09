"""`python -m unseen.cli`."""

from unseen.cli.main import main

main()
