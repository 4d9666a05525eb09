"""`unseen demo`: one hidden verification with a real node, a real buyer and real data."""

from unseen.cli.demo.walk import demo

__all__ = ["demo"]
