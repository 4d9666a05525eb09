from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ContractState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTRACT_STATE_UNSPECIFIED: _ClassVar[ContractState]
    CONTRACT_STATE_DRAFT: _ClassVar[ContractState]
    CONTRACT_STATE_PROPOSED: _ClassVar[ContractState]
    CONTRACT_STATE_APPROVED: _ClassVar[ContractState]
    CONTRACT_STATE_ACTIVE: _ClassVar[ContractState]
    CONTRACT_STATE_SUSPENDED: _ClassVar[ContractState]
    CONTRACT_STATE_EXHAUSTED: _ClassVar[ContractState]
    CONTRACT_STATE_EXPIRED: _ClassVar[ContractState]
    CONTRACT_STATE_REVOKED: _ClassVar[ContractState]
CONTRACT_STATE_UNSPECIFIED: ContractState
CONTRACT_STATE_DRAFT: ContractState
CONTRACT_STATE_PROPOSED: ContractState
CONTRACT_STATE_APPROVED: ContractState
CONTRACT_STATE_ACTIVE: ContractState
CONTRACT_STATE_SUSPENDED: ContractState
CONTRACT_STATE_EXHAUSTED: ContractState
CONTRACT_STATE_EXPIRED: ContractState
CONTRACT_STATE_REVOKED: ContractState

class Contract(_message.Message):
    __slots__ = ("name", "state", "terms", "plan", "leakage", "units_used", "buyer", "approvals", "cause", "stops")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    LEAKAGE_FIELD_NUMBER: _ClassVar[int]
    UNITS_USED_FIELD_NUMBER: _ClassVar[int]
    BUYER_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    STOPS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: ContractState
    terms: bytes
    plan: bytes
    leakage: bytes
    units_used: int
    buyer: str
    approvals: _containers.RepeatedCompositeFieldContainer[Approval]
    cause: str
    stops: _containers.RepeatedCompositeFieldContainer[Stop]
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[ContractState, str]] = ..., terms: _Optional[bytes] = ..., plan: _Optional[bytes] = ..., leakage: _Optional[bytes] = ..., units_used: _Optional[int] = ..., buyer: _Optional[str] = ..., approvals: _Optional[_Iterable[_Union[Approval, _Mapping]]] = ..., cause: _Optional[str] = ..., stops: _Optional[_Iterable[_Union[Stop, _Mapping]]] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ("by", "cause", "since", "document")
    BY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    by: str
    cause: str
    since: str
    document: str
    def __init__(self, by: _Optional[str] = ..., cause: _Optional[str] = ..., since: _Optional[str] = ..., document: _Optional[str] = ...) -> None: ...

class Approval(_message.Message):
    __slots__ = ("role", "token")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    role: str
    token: str
    def __init__(self, role: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class RequestContractRequest(_message.Message):
    __slots__ = ("product", "scenario", "outputs", "units", "units_per_minute", "until", "openings", "template", "exchange_order", "region", "group", "budget", "declarations", "joint", "train", "way", "encrypted")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    OPENINGS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_ORDER_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    DECLARATIONS_FIELD_NUMBER: _ClassVar[int]
    JOINT_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    WAY_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_FIELD_NUMBER: _ClassVar[int]
    product: str
    scenario: str
    outputs: _containers.RepeatedScalarFieldContainer[str]
    units: int
    units_per_minute: int
    until: str
    openings: bool
    template: str
    exchange_order: str
    region: str
    group: int
    budget: str
    declarations: _containers.RepeatedScalarFieldContainer[str]
    joint: bytes
    train: bytes
    way: str
    encrypted: bytes
    def __init__(self, product: _Optional[str] = ..., scenario: _Optional[str] = ..., outputs: _Optional[_Iterable[str]] = ..., units: _Optional[int] = ..., units_per_minute: _Optional[int] = ..., until: _Optional[str] = ..., openings: bool = ..., template: _Optional[str] = ..., exchange_order: _Optional[str] = ..., region: _Optional[str] = ..., group: _Optional[int] = ..., budget: _Optional[str] = ..., declarations: _Optional[_Iterable[str]] = ..., joint: _Optional[bytes] = ..., train: _Optional[bytes] = ..., way: _Optional[str] = ..., encrypted: _Optional[bytes] = ..., **kwargs) -> None: ...

class RequestContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class ExplainContractRequest(_message.Message):
    __slots__ = ("ask", "contract")
    ASK_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    ask: RequestContractRequest
    contract: str
    def __init__(self, ask: _Optional[_Union[RequestContractRequest, _Mapping]] = ..., contract: _Optional[str] = ...) -> None: ...

class ExplainContractResponse(_message.Message):
    __slots__ = ("asked", "narrowest", "narrowings", "demands")
    ASKED_FIELD_NUMBER: _ClassVar[int]
    NARROWEST_FIELD_NUMBER: _ClassVar[int]
    NARROWINGS_FIELD_NUMBER: _ClassVar[int]
    DEMANDS_FIELD_NUMBER: _ClassVar[int]
    asked: Compilation
    narrowest: Compilation
    narrowings: _containers.RepeatedCompositeFieldContainer[Narrowing]
    demands: _containers.RepeatedCompositeFieldContainer[Demand]
    def __init__(self, asked: _Optional[_Union[Compilation, _Mapping]] = ..., narrowest: _Optional[_Union[Compilation, _Mapping]] = ..., narrowings: _Optional[_Iterable[_Union[Narrowing, _Mapping]]] = ..., demands: _Optional[_Iterable[_Union[Demand, _Mapping]]] = ...) -> None: ...

class Compilation(_message.Message):
    __slots__ = ("terms", "plan", "leakage", "refusals")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    LEAKAGE_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    terms: bytes
    plan: bytes
    leakage: bytes
    refusals: _containers.RepeatedCompositeFieldContainer[ClauseRefusal]
    def __init__(self, terms: _Optional[bytes] = ..., plan: _Optional[bytes] = ..., leakage: _Optional[bytes] = ..., refusals: _Optional[_Iterable[_Union[ClauseRefusal, _Mapping]]] = ...) -> None: ...

class ClauseRefusal(_message.Message):
    __slots__ = ("reason", "clause", "message", "remedy")
    REASON_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    reason: str
    clause: str
    message: str
    remedy: str
    def __init__(self, reason: _Optional[str] = ..., clause: _Optional[str] = ..., message: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...

class Narrowing(_message.Message):
    __slots__ = ("clause", "asked", "narrowest", "why", "why_zh")
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    NARROWEST_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    WHY_ZH_FIELD_NUMBER: _ClassVar[int]
    clause: str
    asked: str
    narrowest: str
    why: str
    why_zh: str
    def __init__(self, clause: _Optional[str] = ..., asked: _Optional[str] = ..., narrowest: _Optional[str] = ..., why: _Optional[str] = ..., why_zh: _Optional[str] = ...) -> None: ...

class Demand(_message.Message):
    __slots__ = ("clause", "value", "because")
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    clause: str
    value: str
    because: str
    def __init__(self, clause: _Optional[str] = ..., value: _Optional[str] = ..., because: _Optional[str] = ...) -> None: ...

class GetContractRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class ListContractsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListContractsResponse(_message.Message):
    __slots__ = ("contracts", "next_page_token")
    CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    contracts: _containers.RepeatedCompositeFieldContainer[Contract]
    next_page_token: str
    def __init__(self, contracts: _Optional[_Iterable[_Union[Contract, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ApproveContractRequest(_message.Message):
    __slots__ = ("name", "approval")
    NAME_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    approval: str
    def __init__(self, name: _Optional[str] = ..., approval: _Optional[str] = ...) -> None: ...

class ApproveContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class SignContractRequest(_message.Message):
    __slots__ = ("name", "approval")
    NAME_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    approval: str
    def __init__(self, name: _Optional[str] = ..., approval: _Optional[str] = ...) -> None: ...

class SignContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class RevokeContractRequest(_message.Message):
    __slots__ = ("name", "cause")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    cause: str
    def __init__(self, name: _Optional[str] = ..., cause: _Optional[str] = ...) -> None: ...

class RevokeContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class SuspendContractRequest(_message.Message):
    __slots__ = ("name", "order")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    name: str
    order: str
    def __init__(self, name: _Optional[str] = ..., order: _Optional[str] = ...) -> None: ...

class SuspendContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class ResumeContractRequest(_message.Message):
    __slots__ = ("name", "order")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    name: str
    order: str
    def __init__(self, name: _Optional[str] = ..., order: _Optional[str] = ...) -> None: ...

class ResumeContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...
