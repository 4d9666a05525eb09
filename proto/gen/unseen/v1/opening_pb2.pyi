from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LoggedDocument(_message.Message):
    __slots__ = ("token", "leaf", "index", "inclusion_proof", "by")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    token: str
    leaf: bytes
    index: int
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    by: str
    def __init__(self, token: _Optional[str] = ..., leaf: _Optional[bytes] = ..., index: _Optional[int] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ..., by: _Optional[str] = ...) -> None: ...

class OrderedRelease(_message.Message):
    __slots__ = ("leaf", "index", "inclusion_proof", "certification")
    LEAF_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATION_FIELD_NUMBER: _ClassVar[int]
    leaf: bytes
    index: int
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    certification: str
    def __init__(self, leaf: _Optional[bytes] = ..., index: _Optional[int] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ..., certification: _Optional[str] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("name", "contract", "buyer", "buyer_key", "order", "draw", "responses", "releases", "order_checkpoint")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    BUYER_FIELD_NUMBER: _ClassVar[int]
    BUYER_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    DRAW_FIELD_NUMBER: _ClassVar[int]
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    ORDER_CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    name: str
    contract: str
    buyer: str
    buyer_key: bytes
    order: LoggedDocument
    draw: LoggedDocument
    responses: _containers.RepeatedCompositeFieldContainer[LoggedDocument]
    releases: _containers.RepeatedCompositeFieldContainer[OrderedRelease]
    order_checkpoint: str
    def __init__(self, name: _Optional[str] = ..., contract: _Optional[str] = ..., buyer: _Optional[str] = ..., buyer_key: _Optional[bytes] = ..., order: _Optional[_Union[LoggedDocument, _Mapping]] = ..., draw: _Optional[_Union[LoggedDocument, _Mapping]] = ..., responses: _Optional[_Iterable[_Union[LoggedDocument, _Mapping]]] = ..., releases: _Optional[_Iterable[_Union[OrderedRelease, _Mapping]]] = ..., order_checkpoint: _Optional[str] = ...) -> None: ...

class SubmitOrderRequest(_message.Message):
    __slots__ = ("contract", "order")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    contract: str
    order: str
    def __init__(self, contract: _Optional[str] = ..., order: _Optional[str] = ...) -> None: ...

class SubmitOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class DrawSampleRequest(_message.Message):
    __slots__ = ("name", "draw")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DRAW_FIELD_NUMBER: _ClassVar[int]
    name: str
    draw: str
    def __init__(self, name: _Optional[str] = ..., draw: _Optional[str] = ...) -> None: ...

class DrawSampleResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class ListOrdersRequest(_message.Message):
    __slots__ = ("contract", "page_size", "page_token")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    contract: str
    page_size: int
    page_token: str
    def __init__(self, contract: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("orders", "next_page_token")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    next_page_token: str
    def __init__(self, orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetOrderRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetOrderResponse(_message.Message):
    __slots__ = ("order", "checkpoint")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    order: Order
    checkpoint: str
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class PutPartRequest(_message.Message):
    __slots__ = ("name", "request", "number", "ciphertext")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    request: str
    number: int
    ciphertext: bytes
    def __init__(self, name: _Optional[str] = ..., request: _Optional[str] = ..., number: _Optional[int] = ..., ciphertext: _Optional[bytes] = ...) -> None: ...

class PutPartResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RespondOrderRequest(_message.Message):
    __slots__ = ("name", "response")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    response: str
    def __init__(self, name: _Optional[str] = ..., response: _Optional[str] = ...) -> None: ...

class RespondOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class FetchPartRequest(_message.Message):
    __slots__ = ("name", "instance", "request", "number")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    name: str
    instance: str
    request: str
    number: int
    def __init__(self, name: _Optional[str] = ..., instance: _Optional[str] = ..., request: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class FetchPartResponse(_message.Message):
    __slots__ = ("ciphertext",)
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    ciphertext: bytes
    def __init__(self, ciphertext: _Optional[bytes] = ...) -> None: ...
