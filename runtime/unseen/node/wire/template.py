"""unseen.v1 template messages <-> templates."""

import re
from datetime import datetime

from unseen.node.contracts.templates import Entry
from unseen.node.errors import FieldInvalidError
from unseen.v1 import contract_pb2, template_pb2

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}|[A-Za-z0-9_-]{43}", re.ASCII)


def template_name(text: str) -> str:
    """Return NAME or ID of `templates/NAME` or `templates/ID`.

    Raises:
        FieldInvalidError: it is neither.

    """
    prefix, _, name = text.partition("/")
    if prefix != "templates" or not _NAME.fullmatch(name):
        raise FieldInvalidError(
            "not a name of the form templates/NAME or templates/ID",
            clause="template",
            remedy="see them: unseen template list",
        )
    return name


def template_message(entry: Entry, now: datetime) -> template_pb2.Template:
    """Return a template as its parties see it at `now`."""
    standing = entry.standing
    return template_pb2.Template(
        name=f"templates/{entry.name}",
        id=entry.id,
        document=standing.template.encode(),
        approvals=[
            contract_pb2.Approval(role=role, token=standing.approvals[role])
            for role in standing.template.approvals
            if role in standing.approvals
        ],
        state=_state(entry, now),
        added_at=entry.added_at,
    )


def _state(entry: Entry, now: datetime) -> template_pb2.TemplateState:
    if entry.standing.withdrawn:
        return template_pb2.TEMPLATE_STATE_WITHDRAWN
    if entry.ended(now):
        return template_pb2.TEMPLATE_STATE_EXPIRED
    if not entry.standing.complete:
        return template_pb2.TEMPLATE_STATE_WAITING
    return template_pb2.TEMPLATE_STATE_IN_FORCE
