from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReviewState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_STATE_UNSPECIFIED: _ClassVar[ReviewState]
    REVIEW_STATE_WAITING: _ClassVar[ReviewState]
    REVIEW_STATE_PASSED: _ClassVar[ReviewState]
    REVIEW_STATE_REFUSED: _ClassVar[ReviewState]
    REVIEW_STATE_EXPIRED: _ClassVar[ReviewState]

class ReleaseType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASE_TYPE_UNSPECIFIED: _ClassVar[ReleaseType]
    RELEASE_TYPE_VERDICTS: _ClassVar[ReleaseType]
    RELEASE_TYPE_AGGREGATE: _ClassVar[ReleaseType]
    RELEASE_TYPE_MODEL: _ClassVar[ReleaseType]

class ReleaseMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASE_MODE_UNSPECIFIED: _ClassVar[ReleaseMode]
    RELEASE_MODE_PASS: _ClassVar[ReleaseMode]
    RELEASE_MODE_REVIEW: _ClassVar[ReleaseMode]
    RELEASE_MODE_OFF: _ClassVar[ReleaseMode]
REVIEW_STATE_UNSPECIFIED: ReviewState
REVIEW_STATE_WAITING: ReviewState
REVIEW_STATE_PASSED: ReviewState
REVIEW_STATE_REFUSED: ReviewState
REVIEW_STATE_EXPIRED: ReviewState
RELEASE_TYPE_UNSPECIFIED: ReleaseType
RELEASE_TYPE_VERDICTS: ReleaseType
RELEASE_TYPE_AGGREGATE: ReleaseType
RELEASE_TYPE_MODEL: ReleaseType
RELEASE_MODE_UNSPECIFIED: ReleaseMode
RELEASE_MODE_PASS: ReleaseMode
RELEASE_MODE_REVIEW: ReleaseMode
RELEASE_MODE_OFF: ReleaseMode

class Finding(_message.Message):
    __slots__ = ("rule", "text", "text_zh")
    RULE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TEXT_ZH_FIELD_NUMBER: _ClassVar[int]
    rule: str
    text: str
    text_zh: str
    def __init__(self, rule: _Optional[str] = ..., text: _Optional[str] = ..., text_zh: _Optional[str] = ...) -> None: ...

class Attack(_message.Message):
    __slots__ = ("measured", "area", "low", "high", "least", "bar", "advantage", "members", "others")
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LEAST_FIELD_NUMBER: _ClassVar[int]
    BAR_FIELD_NUMBER: _ClassVar[int]
    ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    measured: bool
    area: int
    low: int
    high: int
    least: int
    bar: int
    advantage: int
    members: int
    others: int
    def __init__(self, measured: bool = ..., area: _Optional[int] = ..., low: _Optional[int] = ..., high: _Optional[int] = ..., least: _Optional[int] = ..., bar: _Optional[int] = ..., advantage: _Optional[int] = ..., members: _Optional[int] = ..., others: _Optional[int] = ...) -> None: ...

class Review(_message.Message):
    __slots__ = ("name", "contract", "request", "type", "state", "bits", "findings", "held_at", "expires_at", "decided_at", "decided_by", "document", "parts", "nonce", "attack")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    HELD_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ATTACK_FIELD_NUMBER: _ClassVar[int]
    name: str
    contract: str
    request: str
    type: ReleaseType
    state: ReviewState
    bits: int
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    held_at: str
    expires_at: str
    decided_at: str
    decided_by: str
    document: str
    parts: _containers.RepeatedScalarFieldContainer[bytes]
    nonce: bytes
    attack: Attack
    def __init__(self, name: _Optional[str] = ..., contract: _Optional[str] = ..., request: _Optional[str] = ..., type: _Optional[_Union[ReleaseType, str]] = ..., state: _Optional[_Union[ReviewState, str]] = ..., bits: _Optional[int] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., held_at: _Optional[str] = ..., expires_at: _Optional[str] = ..., decided_at: _Optional[str] = ..., decided_by: _Optional[str] = ..., document: _Optional[str] = ..., parts: _Optional[_Iterable[bytes]] = ..., nonce: _Optional[bytes] = ..., attack: _Optional[_Union[Attack, _Mapping]] = ...) -> None: ...

class ListReviewsRequest(_message.Message):
    __slots__ = ("waiting", "page_size", "page_token")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    waiting: bool
    page_size: int
    page_token: str
    def __init__(self, waiting: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReviewsResponse(_message.Message):
    __slots__ = ("reviews", "next_page_token")
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reviews: _containers.RepeatedCompositeFieldContainer[Review]
    next_page_token: str
    def __init__(self, reviews: _Optional[_Iterable[_Union[Review, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetReviewRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class DecideReviewRequest(_message.Message):
    __slots__ = ("name", "decision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    decision: str
    def __init__(self, name: _Optional[str] = ..., decision: _Optional[str] = ...) -> None: ...

class DecideReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: Review
    def __init__(self, review: _Optional[_Union[Review, _Mapping]] = ...) -> None: ...

class TypeMode(_message.Message):
    __slots__ = ("type", "mode")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    type: ReleaseType
    mode: ReleaseMode
    def __init__(self, type: _Optional[_Union[ReleaseType, str]] = ..., mode: _Optional[_Union[ReleaseMode, str]] = ...) -> None: ...

class ListReleaseModesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReleaseModesResponse(_message.Message):
    __slots__ = ("modes",)
    MODES_FIELD_NUMBER: _ClassVar[int]
    modes: _containers.RepeatedCompositeFieldContainer[TypeMode]
    def __init__(self, modes: _Optional[_Iterable[_Union[TypeMode, _Mapping]]] = ...) -> None: ...

class SetReleaseModeRequest(_message.Message):
    __slots__ = ("type", "mode")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    type: ReleaseType
    mode: ReleaseMode
    def __init__(self, type: _Optional[_Union[ReleaseType, str]] = ..., mode: _Optional[_Union[ReleaseMode, str]] = ...) -> None: ...

class SetReleaseModeResponse(_message.Message):
    __slots__ = ("modes",)
    MODES_FIELD_NUMBER: _ClassVar[int]
    modes: _containers.RepeatedCompositeFieldContainer[TypeMode]
    def __init__(self, modes: _Optional[_Iterable[_Union[TypeMode, _Mapping]]] = ...) -> None: ...
