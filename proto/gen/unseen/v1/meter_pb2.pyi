from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetUsageRequest(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: str
    def __init__(self, contract: _Optional[str] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("units_used", "units_granted", "requests")
    UNITS_USED_FIELD_NUMBER: _ClassVar[int]
    UNITS_GRANTED_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    units_used: int
    units_granted: int
    requests: int
    def __init__(self, units_used: _Optional[int] = ..., units_granted: _Optional[int] = ..., requests: _Optional[int] = ...) -> None: ...

class GetReceiptRequest(_message.Message):
    __slots__ = ("contract", "request")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    contract: str
    request: str
    def __init__(self, contract: _Optional[str] = ..., request: _Optional[str] = ...) -> None: ...

class GetReceiptResponse(_message.Message):
    __slots__ = ("release",)
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    release: _request_pb2.Release
    def __init__(self, release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...

class OpenReleaseRequest(_message.Message):
    __slots__ = ("request", "contract")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    request: str
    contract: str
    def __init__(self, request: _Optional[str] = ..., contract: _Optional[str] = ...) -> None: ...

class OpenReleaseResponse(_message.Message):
    __slots__ = ("contract", "subject", "request_nonce", "verdicts", "release")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_NONCE_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    contract: str
    subject: bytes
    request_nonce: bytes
    verdicts: bytes
    release: _request_pb2.Release
    def __init__(self, contract: _Optional[str] = ..., subject: _Optional[bytes] = ..., request_nonce: _Optional[bytes] = ..., verdicts: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...

class ListReleasesRequest(_message.Message):
    __slots__ = ("contract", "page_size", "page_token")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    contract: str
    page_size: int
    page_token: str
    def __init__(self, contract: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReleasesResponse(_message.Message):
    __slots__ = ("leaves", "next_page_token")
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    leaves: _containers.RepeatedScalarFieldContainer[bytes]
    next_page_token: str
    def __init__(self, leaves: _Optional[_Iterable[bytes]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
