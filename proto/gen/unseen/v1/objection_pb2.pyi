from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Words(_message.Message):
    __slots__ = ("text", "nonce")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    nonce: bytes
    def __init__(self, text: _Optional[str] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class Objection(_message.Message):
    __slots__ = ("name", "contract", "by", "opened", "answered", "closed", "opened_words", "answered_words", "opener_key", "other_key", "terms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    OPENED_WORDS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_WORDS_FIELD_NUMBER: _ClassVar[int]
    OPENER_KEY_FIELD_NUMBER: _ClassVar[int]
    OTHER_KEY_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    contract: str
    by: str
    opened: str
    answered: str
    closed: str
    opened_words: Words
    answered_words: Words
    opener_key: bytes
    other_key: bytes
    terms: bytes
    def __init__(self, name: _Optional[str] = ..., contract: _Optional[str] = ..., by: _Optional[str] = ..., opened: _Optional[str] = ..., answered: _Optional[str] = ..., closed: _Optional[str] = ..., opened_words: _Optional[_Union[Words, _Mapping]] = ..., answered_words: _Optional[_Union[Words, _Mapping]] = ..., opener_key: _Optional[bytes] = ..., other_key: _Optional[bytes] = ..., terms: _Optional[bytes] = ...) -> None: ...

class OpenObjectionRequest(_message.Message):
    __slots__ = ("contract", "opened", "words")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    contract: str
    opened: str
    words: Words
    def __init__(self, contract: _Optional[str] = ..., opened: _Optional[str] = ..., words: _Optional[_Union[Words, _Mapping]] = ...) -> None: ...

class OpenObjectionResponse(_message.Message):
    __slots__ = ("objection",)
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    objection: Objection
    def __init__(self, objection: _Optional[_Union[Objection, _Mapping]] = ...) -> None: ...

class AnswerObjectionRequest(_message.Message):
    __slots__ = ("name", "answered", "words")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    answered: str
    words: Words
    def __init__(self, name: _Optional[str] = ..., answered: _Optional[str] = ..., words: _Optional[_Union[Words, _Mapping]] = ...) -> None: ...

class AnswerObjectionResponse(_message.Message):
    __slots__ = ("objection",)
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    objection: Objection
    def __init__(self, objection: _Optional[_Union[Objection, _Mapping]] = ...) -> None: ...

class CloseObjectionRequest(_message.Message):
    __slots__ = ("name", "closed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    name: str
    closed: str
    def __init__(self, name: _Optional[str] = ..., closed: _Optional[str] = ...) -> None: ...

class CloseObjectionResponse(_message.Message):
    __slots__ = ("objection",)
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    objection: Objection
    def __init__(self, objection: _Optional[_Union[Objection, _Mapping]] = ...) -> None: ...

class ListObjectionsRequest(_message.Message):
    __slots__ = ("contract", "page_size", "page_token")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    contract: str
    page_size: int
    page_token: str
    def __init__(self, contract: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListObjectionsResponse(_message.Message):
    __slots__ = ("objections", "next_page_token")
    OBJECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    objections: _containers.RepeatedCompositeFieldContainer[Objection]
    next_page_token: str
    def __init__(self, objections: _Optional[_Iterable[_Union[Objection, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetObjectionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetObjectionResponse(_message.Message):
    __slots__ = ("objection",)
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    objection: Objection
    def __init__(self, objection: _Optional[_Union[Objection, _Mapping]] = ...) -> None: ...
