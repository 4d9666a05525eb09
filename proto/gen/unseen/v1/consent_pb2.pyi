from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConsentRoot(_message.Message):
    __slots__ = ("number", "document", "leaf_index")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    number: int
    document: bytes
    leaf_index: int
    def __init__(self, number: _Optional[int] = ..., document: _Optional[bytes] = ..., leaf_index: _Optional[int] = ...) -> None: ...

class AddConsentRequest(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: str
    def __init__(self, consent: _Optional[str] = ...) -> None: ...

class AddConsentResponse(_message.Message):
    __slots__ = ("id", "root")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    id: str
    root: int
    def __init__(self, id: _Optional[str] = ..., root: _Optional[int] = ...) -> None: ...

class ImportConsentsRequest(_message.Message):
    __slots__ = ("documents", "resume")
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedScalarFieldContainer[str]
    resume: bool
    def __init__(self, documents: _Optional[_Iterable[str]] = ..., resume: bool = ...) -> None: ...

class ImportConsentsResponse(_message.Message):
    __slots__ = ("added", "withdrawn", "known", "root")
    ADDED_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    added: int
    withdrawn: int
    known: int
    root: int
    def __init__(self, added: _Optional[int] = ..., withdrawn: _Optional[int] = ..., known: _Optional[int] = ..., root: _Optional[int] = ...) -> None: ...

class WithdrawConsentRequest(_message.Message):
    __slots__ = ("withdrawal",)
    WITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    withdrawal: str
    def __init__(self, withdrawal: _Optional[str] = ...) -> None: ...

class WithdrawConsentResponse(_message.Message):
    __slots__ = ("root",)
    ROOT_FIELD_NUMBER: _ClassVar[int]
    root: int
    def __init__(self, root: _Optional[int] = ...) -> None: ...

class AddDelegationRequest(_message.Message):
    __slots__ = ("delegation", "parent")
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    delegation: str
    parent: str
    def __init__(self, delegation: _Optional[str] = ..., parent: _Optional[str] = ...) -> None: ...

class AddDelegationResponse(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class WithdrawDelegationRequest(_message.Message):
    __slots__ = ("withdrawal",)
    WITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    withdrawal: str
    def __init__(self, withdrawal: _Optional[str] = ...) -> None: ...

class WithdrawDelegationResponse(_message.Message):
    __slots__ = ("root",)
    ROOT_FIELD_NUMBER: _ClassVar[int]
    root: int
    def __init__(self, root: _Optional[int] = ...) -> None: ...

class EvaluateSubjectsRequest(_message.Message):
    __slots__ = ("blinded",)
    BLINDED_FIELD_NUMBER: _ClassVar[int]
    blinded: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, blinded: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateSubjectsResponse(_message.Message):
    __slots__ = ("evaluated", "proof", "public_key")
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    evaluated: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    public_key: bytes
    def __init__(self, evaluated: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class ProveConsentRequest(_message.Message):
    __slots__ = ("index", "job", "leaf", "root")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    index: bytes
    job: str
    leaf: int
    root: int
    def __init__(self, index: _Optional[bytes] = ..., job: _Optional[str] = ..., leaf: _Optional[int] = ..., root: _Optional[int] = ...) -> None: ...

class ProveConsentResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: str
    def __init__(self, answer: _Optional[str] = ...) -> None: ...

class ListConsentsRequest(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: bytes
    def __init__(self, index: _Optional[bytes] = ...) -> None: ...

class RegisteredConsent(_message.Message):
    __slots__ = ("id", "consent", "added", "ended", "cause", "ended_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    consent: str
    added: int
    ended: int
    cause: str
    ended_at: str
    def __init__(self, id: _Optional[str] = ..., consent: _Optional[str] = ..., added: _Optional[int] = ..., ended: _Optional[int] = ..., cause: _Optional[str] = ..., ended_at: _Optional[str] = ...) -> None: ...

class ListConsentsResponse(_message.Message):
    __slots__ = ("consents",)
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    consents: _containers.RepeatedCompositeFieldContainer[RegisteredConsent]
    def __init__(self, consents: _Optional[_Iterable[_Union[RegisteredConsent, _Mapping]]] = ...) -> None: ...

class ListConsentRootsRequest(_message.Message):
    __slots__ = ("after", "page_size")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    after: int
    page_size: int
    def __init__(self, after: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListConsentRootsResponse(_message.Message):
    __slots__ = ("roots",)
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    roots: _containers.RepeatedCompositeFieldContainer[ConsentRoot]
    def __init__(self, roots: _Optional[_Iterable[_Union[ConsentRoot, _Mapping]]] = ...) -> None: ...
