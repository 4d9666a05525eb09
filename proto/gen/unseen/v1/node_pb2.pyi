from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetNodeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetNodeResponse(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: Node
    def __init__(self, node: _Optional[_Union[Node, _Mapping]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("version", "suite", "evidence_key", "log_origin", "log_key", "operator_key", "time", "checkpoint", "caller", "caller_role")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SUITE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_KEY_FIELD_NUMBER: _ClassVar[int]
    LOG_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    LOG_KEY_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_KEY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    CALLER_ROLE_FIELD_NUMBER: _ClassVar[int]
    version: str
    suite: str
    evidence_key: bytes
    log_origin: str
    log_key: bytes
    operator_key: bytes
    time: str
    checkpoint: str
    caller: str
    caller_role: str
    def __init__(self, version: _Optional[str] = ..., suite: _Optional[str] = ..., evidence_key: _Optional[bytes] = ..., log_origin: _Optional[str] = ..., log_key: _Optional[bytes] = ..., operator_key: _Optional[bytes] = ..., time: _Optional[str] = ..., checkpoint: _Optional[str] = ..., caller: _Optional[str] = ..., caller_role: _Optional[str] = ...) -> None: ...
