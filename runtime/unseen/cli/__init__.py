"""The command line: `unseen NOUN VERB`."""
