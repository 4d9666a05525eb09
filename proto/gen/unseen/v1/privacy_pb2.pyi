from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ContractSpend(_message.Message):
    __slots__ = ("contract", "buyer", "spent", "limit", "epsilon", "delta", "spent_epsilon")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    BUYER_FIELD_NUMBER: _ClassVar[int]
    SPENT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    SPENT_EPSILON_FIELD_NUMBER: _ClassVar[int]
    contract: str
    buyer: str
    spent: int
    limit: int
    epsilon: str
    delta: str
    spent_epsilon: str
    def __init__(self, contract: _Optional[str] = ..., buyer: _Optional[str] = ..., spent: _Optional[int] = ..., limit: _Optional[int] = ..., epsilon: _Optional[str] = ..., delta: _Optional[str] = ..., spent_epsilon: _Optional[str] = ...) -> None: ...

class Ledger(_message.Message):
    __slots__ = ("table", "epsilon", "delta", "limit", "spent", "spent_epsilon", "set_at", "set_by", "contracts", "partition", "version")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SPENT_FIELD_NUMBER: _ClassVar[int]
    SPENT_EPSILON_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    table: str
    epsilon: str
    delta: str
    limit: int
    spent: int
    spent_epsilon: str
    set_at: str
    set_by: str
    contracts: _containers.RepeatedCompositeFieldContainer[ContractSpend]
    partition: str
    version: int
    def __init__(self, table: _Optional[str] = ..., epsilon: _Optional[str] = ..., delta: _Optional[str] = ..., limit: _Optional[int] = ..., spent: _Optional[int] = ..., spent_epsilon: _Optional[str] = ..., set_at: _Optional[str] = ..., set_by: _Optional[str] = ..., contracts: _Optional[_Iterable[_Union[ContractSpend, _Mapping]]] = ..., partition: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class SetBudgetRequest(_message.Message):
    __slots__ = ("table", "epsilon", "delta", "raised")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    table: str
    epsilon: str
    delta: str
    raised: bool
    def __init__(self, table: _Optional[str] = ..., epsilon: _Optional[str] = ..., delta: _Optional[str] = ..., raised: bool = ...) -> None: ...

class SetBudgetResponse(_message.Message):
    __slots__ = ("ledger",)
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    ledger: Ledger
    def __init__(self, ledger: _Optional[_Union[Ledger, _Mapping]] = ...) -> None: ...

class ListLedgersRequest(_message.Message):
    __slots__ = ("table",)
    TABLE_FIELD_NUMBER: _ClassVar[int]
    table: str
    def __init__(self, table: _Optional[str] = ...) -> None: ...

class ListLedgersResponse(_message.Message):
    __slots__ = ("ledgers",)
    LEDGERS_FIELD_NUMBER: _ClassVar[int]
    ledgers: _containers.RepeatedCompositeFieldContainer[Ledger]
    def __init__(self, ledgers: _Optional[_Iterable[_Union[Ledger, _Mapping]]] = ...) -> None: ...
