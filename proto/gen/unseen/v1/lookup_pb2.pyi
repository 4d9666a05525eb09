from unseen.v1 import request_pb2 as _request_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetManifestRequest(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: str
    def __init__(self, contract: _Optional[str] = ...) -> None: ...

class GetManifestResponse(_message.Message):
    __slots__ = ("manifest", "table_bytes", "leaf", "leaf_index", "inclusion_proof", "checkpoint")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    TABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    manifest: str
    table_bytes: int
    leaf: bytes
    leaf_index: int
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: str
    def __init__(self, manifest: _Optional[str] = ..., table_bytes: _Optional[int] = ..., leaf: _Optional[bytes] = ..., leaf_index: _Optional[int] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class FetchTableRequest(_message.Message):
    __slots__ = ("contract", "epoch", "offset", "manifest", "ranges", "hashes")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    contract: str
    epoch: int
    offset: int
    manifest: bytes
    ranges: _containers.RepeatedCompositeFieldContainer[RowRange]
    hashes: bool
    def __init__(self, contract: _Optional[str] = ..., epoch: _Optional[int] = ..., offset: _Optional[int] = ..., manifest: _Optional[bytes] = ..., ranges: _Optional[_Iterable[_Union[RowRange, _Mapping]]] = ..., hashes: bool = ...) -> None: ...

class RowRange(_message.Message):
    __slots__ = ("first", "count")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    first: int
    count: int
    def __init__(self, first: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class FetchTableResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("request", "blinded")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    BLINDED_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.SignedRequest
    blinded: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, request: _Optional[_Union[_request_pb2.SignedRequest, _Mapping]] = ..., blinded: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("evaluated", "proof", "release")
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    evaluated: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    release: _request_pb2.Release
    def __init__(self, evaluated: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ..., release: _Optional[_Union[_request_pb2.Release, _Mapping]] = ...) -> None: ...

class AnswerHead(_message.Message):
    __slots__ = ("contract", "epoch", "manifest", "request", "count")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    contract: str
    epoch: int
    manifest: bytes
    request: str
    count: int
    def __init__(self, contract: _Optional[str] = ..., epoch: _Optional[int] = ..., manifest: _Optional[bytes] = ..., request: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class AnswerRequest(_message.Message):
    __slots__ = ("head", "queries")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    head: AnswerHead
    queries: bytes
    def __init__(self, head: _Optional[_Union[AnswerHead, _Mapping]] = ..., queries: _Optional[bytes] = ...) -> None: ...

class AnswerResponse(_message.Message):
    __slots__ = ("answers", "signed")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    answers: bytes
    signed: str
    def __init__(self, answers: _Optional[bytes] = ..., signed: _Optional[str] = ...) -> None: ...
