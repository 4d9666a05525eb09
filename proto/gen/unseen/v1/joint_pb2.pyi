from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JointStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOINT_STEP_UNSPECIFIED: _ClassVar[JointStep]
    JOINT_STEP_KEYS: _ClassVar[JointStep]
    JOINT_STEP_SHARES: _ClassVar[JointStep]
    JOINT_STEP_MASKED: _ClassVar[JointStep]
    JOINT_STEP_CONFIRM: _ClassVar[JointStep]
    JOINT_STEP_REVEAL: _ClassVar[JointStep]
JOINT_STEP_UNSPECIFIED: JointStep
JOINT_STEP_KEYS: JointStep
JOINT_STEP_SHARES: JointStep
JOINT_STEP_MASKED: JointStep
JOINT_STEP_CONFIRM: JointStep
JOINT_STEP_REVEAL: JointStep

class StepHead(_message.Message):
    __slots__ = ("contract", "round", "step", "without")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_FIELD_NUMBER: _ClassVar[int]
    contract: str
    round: bytes
    step: JointStep
    without: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, contract: _Optional[str] = ..., round: _Optional[bytes] = ..., step: _Optional[_Union[JointStep, str]] = ..., without: _Optional[_Iterable[str]] = ...) -> None: ...

class StepRequest(_message.Message):
    __slots__ = ("head", "message", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: StepHead
    message: bytes
    chunk: bytes
    def __init__(self, head: _Optional[_Union[StepHead, _Mapping]] = ..., message: _Optional[bytes] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class StepResponse(_message.Message):
    __slots__ = ("message", "chunk")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    chunk: bytes
    def __init__(self, message: _Optional[bytes] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class ContributeRequest(_message.Message):
    __slots__ = ("request", "round", "context")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    round: bytes
    context: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., round: _Optional[bytes] = ..., context: _Optional[bytes] = ...) -> None: ...

class EndorseRequest(_message.Message):
    __slots__ = ("request", "model")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    model: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., model: _Optional[bytes] = ...) -> None: ...

class EndorseResponse(_message.Message):
    __slots__ = ("value", "release")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    value: bytes
    release: _request_pb2.Release
    def __init__(self, value: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...

class LeadHead(_message.Message):
    __slots__ = ("request", "round", "context", "transcript")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    round: bytes
    context: bytes
    transcript: bytes
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., round: _Optional[bytes] = ..., context: _Optional[bytes] = ..., transcript: _Optional[bytes] = ...) -> None: ...

class LeadRequest(_message.Message):
    __slots__ = ("head", "message", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: LeadHead
    message: bytes
    chunk: bytes
    def __init__(self, head: _Optional[_Union[LeadHead, _Mapping]] = ..., message: _Optional[bytes] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class LeadResponse(_message.Message):
    __slots__ = ("value", "release")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    value: bytes
    release: _request_pb2.Release
    def __init__(self, value: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...

class ContributeResponse(_message.Message):
    __slots__ = ("message", "release")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    release: _request_pb2.Release
    def __init__(self, message: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...
