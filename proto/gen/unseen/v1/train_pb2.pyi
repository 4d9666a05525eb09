from unseen.v1 import intersect_pb2 as _intersect_pb2
from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrainServiceRunRequest(_message.Message):
    __slots__ = ("request", "weights")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    weights: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., weights: _Optional[bytes] = ...) -> None: ...

class TrainServiceRunResponse(_message.Message):
    __slots__ = ("job", "value", "release")
    JOB_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    job: str
    value: bytes
    release: _request_pb2.Release
    def __init__(self, job: _Optional[str] = ..., value: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...
