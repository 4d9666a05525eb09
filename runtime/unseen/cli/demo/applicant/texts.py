"""What the applicant's story says (`texts.toml`), in the present language."""

from unseen.cli.demo.texts import Texts

TEXTS = Texts("unseen.cli.demo.applicant")
told, headings = TEXTS.told, TEXTS.headings
