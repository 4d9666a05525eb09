from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Part(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PART_UNSPECIFIED: _ClassVar[Part]
    PART_SET: _ClassVar[Part]
    PART_MIXED: _ClassVar[Part]
    PART_OTHERS: _ClassVar[Part]
    PART_ANSWER: _ClassVar[Part]
    PART_CONTEXT: _ClassVar[Part]
    PART_BATCHES: _ClassVar[Part]
    PART_ROWS: _ClassVar[Part]
    PART_WEIGHTS: _ClassVar[Part]
PART_UNSPECIFIED: Part
PART_SET: Part
PART_MIXED: Part
PART_OTHERS: Part
PART_ANSWER: Part
PART_CONTEXT: Part
PART_BATCHES: Part
PART_ROWS: Part
PART_WEIGHTS: Part

class UploadRequest(_message.Message):
    __slots__ = ("contract", "request", "part", "digest", "size", "offset", "chunk")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    contract: str
    request: str
    part: Part
    digest: bytes
    size: int
    offset: int
    chunk: bytes
    def __init__(self, contract: _Optional[str] = ..., request: _Optional[str] = ..., part: _Optional[_Union[Part, str]] = ..., digest: _Optional[bytes] = ..., size: _Optional[int] = ..., offset: _Optional[int] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadResponse(_message.Message):
    __slots__ = ("offset", "complete")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    offset: int
    complete: bool
    def __init__(self, offset: _Optional[int] = ..., complete: bool = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("request", "set")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    set: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., set: _Optional[bytes] = ...) -> None: ...

class RunResponse(_message.Message):
    __slots__ = ("job", "others", "value", "release")
    JOB_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    job: str
    others: int
    value: bytes
    release: _request_pb2.Release
    def __init__(self, job: _Optional[str] = ..., others: _Optional[int] = ..., value: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...

class FetchRequest(_message.Message):
    __slots__ = ("contract", "request", "part", "offset")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    contract: str
    request: str
    part: Part
    offset: int
    def __init__(self, contract: _Optional[str] = ..., request: _Optional[str] = ..., part: _Optional[_Union[Part, str]] = ..., offset: _Optional[int] = ...) -> None: ...

class FetchResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class EndRequest(_message.Message):
    __slots__ = ("contract", "request")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    contract: str
    request: str
    def __init__(self, contract: _Optional[str] = ..., request: _Optional[str] = ...) -> None: ...

class EndResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
