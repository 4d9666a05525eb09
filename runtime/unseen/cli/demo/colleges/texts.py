"""What the lender's story says (`texts.toml`), in the present language."""

from unseen.cli.demo.texts import Texts

TEXTS = Texts("unseen.cli.demo.colleges")
told, headings = TEXTS.told, TEXTS.headings
