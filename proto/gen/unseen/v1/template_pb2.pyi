from unseen.v1 import contract_pb2 as _contract_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TemplateState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TEMPLATE_STATE_UNSPECIFIED: _ClassVar[TemplateState]
    TEMPLATE_STATE_WAITING: _ClassVar[TemplateState]
    TEMPLATE_STATE_IN_FORCE: _ClassVar[TemplateState]
    TEMPLATE_STATE_EXPIRED: _ClassVar[TemplateState]
    TEMPLATE_STATE_WITHDRAWN: _ClassVar[TemplateState]
TEMPLATE_STATE_UNSPECIFIED: TemplateState
TEMPLATE_STATE_WAITING: TemplateState
TEMPLATE_STATE_IN_FORCE: TemplateState
TEMPLATE_STATE_EXPIRED: TemplateState
TEMPLATE_STATE_WITHDRAWN: TemplateState

class Template(_message.Message):
    __slots__ = ("name", "id", "document", "approvals", "state", "added_at")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ADDED_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    id: str
    document: bytes
    approvals: _containers.RepeatedCompositeFieldContainer[_contract_pb2.Approval]
    state: TemplateState
    added_at: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[str] = ..., document: _Optional[bytes] = ..., approvals: _Optional[_Iterable[_Union[_contract_pb2.Approval, _Mapping]]] = ..., state: _Optional[_Union[TemplateState, str]] = ..., added_at: _Optional[str] = ...) -> None: ...

class AddTemplateRequest(_message.Message):
    __slots__ = ("document", "approval")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    approval: str
    def __init__(self, document: _Optional[bytes] = ..., approval: _Optional[str] = ...) -> None: ...

class AddTemplateResponse(_message.Message):
    __slots__ = ("template",)
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    template: Template
    def __init__(self, template: _Optional[_Union[Template, _Mapping]] = ...) -> None: ...

class ApproveTemplateRequest(_message.Message):
    __slots__ = ("name", "approval")
    NAME_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    approval: str
    def __init__(self, name: _Optional[str] = ..., approval: _Optional[str] = ...) -> None: ...

class ApproveTemplateResponse(_message.Message):
    __slots__ = ("template",)
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    template: Template
    def __init__(self, template: _Optional[_Union[Template, _Mapping]] = ...) -> None: ...

class GetTemplateRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetTemplateResponse(_message.Message):
    __slots__ = ("template",)
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    template: Template
    def __init__(self, template: _Optional[_Union[Template, _Mapping]] = ...) -> None: ...

class ListTemplatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTemplatesResponse(_message.Message):
    __slots__ = ("templates",)
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    templates: _containers.RepeatedCompositeFieldContainer[Template]
    def __init__(self, templates: _Optional[_Iterable[_Union[Template, _Mapping]]] = ...) -> None: ...

class WithdrawTemplateRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WithdrawTemplateResponse(_message.Message):
    __slots__ = ("template",)
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    template: Template
    def __init__(self, template: _Optional[_Union[Template, _Mapping]] = ...) -> None: ...
