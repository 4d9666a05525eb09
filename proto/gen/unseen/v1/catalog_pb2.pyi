from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Column(_message.Message):
    __slots__ = ("name", "type", "category", "level")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    category: str
    level: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., category: _Optional[str] = ..., level: _Optional[str] = ...) -> None: ...

class Table(_message.Message):
    __slots__ = ("name", "columns", "rows", "snapshot", "snapshot_at", "source", "version", "holder")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    name: str
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    rows: int
    snapshot: str
    snapshot_at: str
    source: str
    version: int
    holder: str
    def __init__(self, name: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., rows: _Optional[int] = ..., snapshot: _Optional[str] = ..., snapshot_at: _Optional[str] = ..., source: _Optional[str] = ..., version: _Optional[int] = ..., holder: _Optional[str] = ...) -> None: ...

class ColumnLabel(_message.Message):
    __slots__ = ("column", "category", "level")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    column: str
    category: str
    level: str
    def __init__(self, column: _Optional[str] = ..., category: _Optional[str] = ..., level: _Optional[str] = ...) -> None: ...

class RegisterTableRequest(_message.Message):
    __slots__ = ("name", "source", "labels", "subject")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: str
    labels: _containers.RepeatedCompositeFieldContainer[ColumnLabel]
    subject: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., source: _Optional[str] = ..., labels: _Optional[_Iterable[_Union[ColumnLabel, _Mapping]]] = ..., subject: _Optional[_Iterable[str]] = ...) -> None: ...

class RegisterTableResponse(_message.Message):
    __slots__ = ("table",)
    TABLE_FIELD_NUMBER: _ClassVar[int]
    table: Table
    def __init__(self, table: _Optional[_Union[Table, _Mapping]] = ...) -> None: ...

class RefreshTableRequest(_message.Message):
    __slots__ = ("name", "new_keys")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NEW_KEYS_FIELD_NUMBER: _ClassVar[int]
    name: str
    new_keys: bool
    def __init__(self, name: _Optional[str] = ..., new_keys: bool = ...) -> None: ...

class RefreshTableResponse(_message.Message):
    __slots__ = ("table", "contracts")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    table: Table
    contracts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, table: _Optional[_Union[Table, _Mapping]] = ..., contracts: _Optional[_Iterable[str]] = ...) -> None: ...

class LabelTableRequest(_message.Message):
    __slots__ = ("name", "labels")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    labels: _containers.RepeatedCompositeFieldContainer[ColumnLabel]
    def __init__(self, name: _Optional[str] = ..., labels: _Optional[_Iterable[_Union[ColumnLabel, _Mapping]]] = ...) -> None: ...

class LabelTableResponse(_message.Message):
    __slots__ = ("table", "suspended", "resumed")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    table: Table
    suspended: _containers.RepeatedScalarFieldContainer[str]
    resumed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, table: _Optional[_Union[Table, _Mapping]] = ..., suspended: _Optional[_Iterable[str]] = ..., resumed: _Optional[_Iterable[str]] = ...) -> None: ...

class AssignHolderRequest(_message.Message):
    __slots__ = ("name", "holder")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    name: str
    holder: str
    def __init__(self, name: _Optional[str] = ..., holder: _Optional[str] = ...) -> None: ...

class AssignHolderResponse(_message.Message):
    __slots__ = ("table",)
    TABLE_FIELD_NUMBER: _ClassVar[int]
    table: Table
    def __init__(self, table: _Optional[_Union[Table, _Mapping]] = ...) -> None: ...

class ListTablesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTablesResponse(_message.Message):
    __slots__ = ("tables",)
    TABLES_FIELD_NUMBER: _ClassVar[int]
    tables: _containers.RepeatedCompositeFieldContainer[Table]
    def __init__(self, tables: _Optional[_Iterable[_Union[Table, _Mapping]]] = ...) -> None: ...

class Predicate(_message.Message):
    __slots__ = ("name", "text", "expression")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    expression: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., expression: _Optional[str] = ...) -> None: ...

class Prices(_message.Message):
    __slots__ = ("currency", "data_fee", "service_fee")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    DATA_FEE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FEE_FIELD_NUMBER: _ClassVar[int]
    currency: str
    data_fee: int
    service_fee: int
    def __init__(self, currency: _Optional[str] = ..., data_fee: _Optional[int] = ..., service_fee: _Optional[int] = ...) -> None: ...

class Payee(_message.Message):
    __slots__ = ("line", "name", "key", "share")
    LINE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    line: str
    name: str
    key: str
    share: int
    def __init__(self, line: _Optional[str] = ..., name: _Optional[str] = ..., key: _Optional[str] = ..., share: _Optional[int] = ...) -> None: ...

class Billing(_message.Message):
    __slots__ = ("unit", "free_units", "cap", "payees")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FREE_UNITS_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    PAYEES_FIELD_NUMBER: _ClassVar[int]
    unit: str
    free_units: int
    cap: int
    payees: _containers.RepeatedCompositeFieldContainer[Payee]
    def __init__(self, unit: _Optional[str] = ..., free_units: _Optional[int] = ..., cap: _Optional[int] = ..., payees: _Optional[_Iterable[_Union[Payee, _Mapping]]] = ...) -> None: ...

class SubjectColumn(_message.Message):
    __slots__ = ("name", "type", "form")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    form: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., form: _Optional[str] = ...) -> None: ...

class Match(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[_Iterable[str]] = ...) -> None: ...

class Product(_message.Message):
    __slots__ = ("name", "table", "kind", "title", "subject", "predicates", "prices", "digest", "snapshot_at", "billing", "menu", "definition", "match", "intersect", "score")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PREDICATES_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_FIELD_NUMBER: _ClassVar[int]
    BILLING_FIELD_NUMBER: _ClassVar[int]
    MENU_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    INTERSECT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    name: str
    table: str
    kind: str
    title: str
    subject: _containers.RepeatedCompositeFieldContainer[SubjectColumn]
    predicates: _containers.RepeatedCompositeFieldContainer[Predicate]
    prices: Prices
    digest: str
    snapshot_at: str
    billing: Billing
    menu: bytes
    definition: bytes
    match: Match
    intersect: bytes
    score: bytes
    def __init__(self, name: _Optional[str] = ..., table: _Optional[str] = ..., kind: _Optional[str] = ..., title: _Optional[str] = ..., subject: _Optional[_Iterable[_Union[SubjectColumn, _Mapping]]] = ..., predicates: _Optional[_Iterable[_Union[Predicate, _Mapping]]] = ..., prices: _Optional[_Union[Prices, _Mapping]] = ..., digest: _Optional[str] = ..., snapshot_at: _Optional[str] = ..., billing: _Optional[_Union[Billing, _Mapping]] = ..., menu: _Optional[bytes] = ..., definition: _Optional[bytes] = ..., match: _Optional[_Union[Match, _Mapping]] = ..., intersect: _Optional[bytes] = ..., score: _Optional[bytes] = ...) -> None: ...

class RegisterProductRequest(_message.Message):
    __slots__ = ("name", "table", "kind", "title", "predicates", "prices", "billing", "definition", "canonical", "match", "intersect", "score")
    class CanonicalEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PREDICATES_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    BILLING_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    CANONICAL_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    INTERSECT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    name: str
    table: str
    kind: str
    title: str
    predicates: _containers.RepeatedCompositeFieldContainer[Predicate]
    prices: Prices
    billing: Billing
    definition: bytes
    canonical: _containers.ScalarMap[str, str]
    match: Match
    intersect: bytes
    score: bytes
    def __init__(self, name: _Optional[str] = ..., table: _Optional[str] = ..., kind: _Optional[str] = ..., title: _Optional[str] = ..., predicates: _Optional[_Iterable[_Union[Predicate, _Mapping]]] = ..., prices: _Optional[_Union[Prices, _Mapping]] = ..., billing: _Optional[_Union[Billing, _Mapping]] = ..., definition: _Optional[bytes] = ..., canonical: _Optional[_Mapping[str, str]] = ..., match: _Optional[_Union[Match, _Mapping]] = ..., intersect: _Optional[bytes] = ..., score: _Optional[bytes] = ...) -> None: ...

class RegisterProductResponse(_message.Message):
    __slots__ = ("product", "unusable_rows")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    UNUSABLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    product: Product
    unusable_rows: int
    def __init__(self, product: _Optional[_Union[Product, _Mapping]] = ..., unusable_rows: _Optional[int] = ...) -> None: ...

class ListProductsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProductsResponse(_message.Message):
    __slots__ = ("products",)
    PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    products: _containers.RepeatedCompositeFieldContainer[Product]
    def __init__(self, products: _Optional[_Iterable[_Union[Product, _Mapping]]] = ...) -> None: ...
