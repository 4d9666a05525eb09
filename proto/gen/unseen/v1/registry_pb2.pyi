from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Certificate(_message.Message):
    __slots__ = ("name", "token", "holder", "newest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    token: str
    holder: bytes
    newest: str
    def __init__(self, name: _Optional[str] = ..., token: _Optional[str] = ..., holder: _Optional[bytes] = ..., newest: _Optional[str] = ...) -> None: ...

class ListCertificatesRequest(_message.Message):
    __slots__ = ("object", "page_size", "page_token")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    object: str
    page_size: int
    page_token: str
    def __init__(self, object: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCertificatesResponse(_message.Message):
    __slots__ = ("certificates", "next_page_token")
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedCompositeFieldContainer[Certificate]
    next_page_token: str
    def __init__(self, certificates: _Optional[_Iterable[_Union[Certificate, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetCertificateRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetCertificateResponse(_message.Message):
    __slots__ = ("certificate", "bundle")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    bundle: bytes
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ..., bundle: _Optional[bytes] = ...) -> None: ...

class TransferCertificateRequest(_message.Message):
    __slots__ = ("name", "transfer")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    name: str
    transfer: str
    def __init__(self, name: _Optional[str] = ..., transfer: _Optional[str] = ...) -> None: ...

class TransferCertificateResponse(_message.Message):
    __slots__ = ("certificate",)
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ...) -> None: ...

class AuditTableRequest(_message.Message):
    __slots__ = ("name", "rows", "seed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    name: str
    rows: int
    seed: str
    def __init__(self, name: _Optional[str] = ..., rows: _Optional[int] = ..., seed: _Optional[str] = ...) -> None: ...

class RowProof(_message.Message):
    __slots__ = ("index", "leaf", "path")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    path: bytes
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., path: _Optional[bytes] = ...) -> None: ...

class AuditTableResponse(_message.Message):
    __slots__ = ("version", "snapshot", "registered_rows", "rows", "root", "proofs", "matches", "leaf_index")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_ROWS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    version: int
    snapshot: str
    registered_rows: int
    rows: int
    root: bytes
    proofs: _containers.RepeatedCompositeFieldContainer[RowProof]
    matches: bool
    leaf_index: int
    def __init__(self, version: _Optional[int] = ..., snapshot: _Optional[str] = ..., registered_rows: _Optional[int] = ..., rows: _Optional[int] = ..., root: _Optional[bytes] = ..., proofs: _Optional[_Iterable[_Union[RowProof, _Mapping]]] = ..., matches: bool = ..., leaf_index: _Optional[int] = ...) -> None: ...

class ReplayTableRequest(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: str
    def __init__(self, contract: _Optional[str] = ...) -> None: ...

class ReplayTableResponse(_message.Message):
    __slots__ = ("epoch", "manifest", "rows", "digest", "root", "matches", "leaf_index", "manifest_token")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_TOKEN_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    manifest: str
    rows: int
    digest: bytes
    root: bytes
    matches: bool
    leaf_index: int
    manifest_token: str
    def __init__(self, epoch: _Optional[int] = ..., manifest: _Optional[str] = ..., rows: _Optional[int] = ..., digest: _Optional[bytes] = ..., root: _Optional[bytes] = ..., matches: bool = ..., leaf_index: _Optional[int] = ..., manifest_token: _Optional[str] = ...) -> None: ...

class Inherited(_message.Message):
    __slots__ = ("contract", "origin", "buyer", "product", "kind", "units", "used", "successor")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    BUYER_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    contract: str
    origin: str
    buyer: str
    product: str
    kind: str
    units: int
    used: int
    successor: str
    def __init__(self, contract: _Optional[str] = ..., origin: _Optional[str] = ..., buyer: _Optional[str] = ..., product: _Optional[str] = ..., kind: _Optional[str] = ..., units: _Optional[int] = ..., used: _Optional[int] = ..., successor: _Optional[str] = ...) -> None: ...

class ListInheritedRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListInheritedResponse(_message.Message):
    __slots__ = ("quota",)
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    quota: _containers.RepeatedCompositeFieldContainer[Inherited]
    def __init__(self, quota: _Optional[_Iterable[_Union[Inherited, _Mapping]]] = ...) -> None: ...

class InheritQuotaRequest(_message.Message):
    __slots__ = ("contract", "successor")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    contract: str
    successor: str
    def __init__(self, contract: _Optional[str] = ..., successor: _Optional[str] = ...) -> None: ...

class InheritQuotaResponse(_message.Message):
    __slots__ = ("quota",)
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    quota: Inherited
    def __init__(self, quota: _Optional[_Union[Inherited, _Mapping]] = ...) -> None: ...
