from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AskRequest(_message.Message):
    __slots__ = ("request", "question")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    question: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., question: _Optional[bytes] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("value", "release")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    value: bytes
    release: _request_pb2.Release
    def __init__(self, value: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...
