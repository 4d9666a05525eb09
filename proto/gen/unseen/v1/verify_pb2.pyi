from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_NO_USABLE_RESULT: _ClassVar[Verdict]
    VERDICT_NO: _ClassVar[Verdict]
    VERDICT_YES: _ClassVar[Verdict]
VERDICT_UNSPECIFIED: Verdict
VERDICT_NO_USABLE_RESULT: Verdict
VERDICT_NO: Verdict
VERDICT_YES: Verdict

class VerifyRequest(_message.Message):
    __slots__ = ("request", "subject")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    subject: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., subject: _Optional[bytes] = ...) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ("verdicts", "release")
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedScalarFieldContainer[Verdict]
    release: _request_pb2.Release
    def __init__(self, verdicts: _Optional[_Iterable[_Union[Verdict, str]]] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...
