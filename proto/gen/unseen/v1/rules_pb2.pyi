from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RuleFile(_message.Message):
    __slots__ = ("digest", "text", "document", "set_by", "set_at")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    digest: str
    text: bytes
    document: bytes
    set_by: str
    set_at: str
    def __init__(self, digest: _Optional[str] = ..., text: _Optional[bytes] = ..., document: _Optional[bytes] = ..., set_by: _Optional[str] = ..., set_at: _Optional[str] = ...) -> None: ...

class GetRulesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRulesResponse(_message.Message):
    __slots__ = ("rules",)
    RULES_FIELD_NUMBER: _ClassVar[int]
    rules: RuleFile
    def __init__(self, rules: _Optional[_Union[RuleFile, _Mapping]] = ...) -> None: ...

class SetRulesRequest(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: bytes
    def __init__(self, text: _Optional[bytes] = ...) -> None: ...

class SetRulesResponse(_message.Message):
    __slots__ = ("rules", "suspended", "resumed")
    RULES_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    rules: RuleFile
    suspended: _containers.RepeatedScalarFieldContainer[str]
    resumed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, rules: _Optional[_Union[RuleFile, _Mapping]] = ..., suspended: _Optional[_Iterable[str]] = ..., resumed: _Optional[_Iterable[str]] = ...) -> None: ...
