from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_OPERATOR: _ClassVar[Role]
    ROLE_BUYER: _ClassVar[Role]
    ROLE_HOLDER: _ClassVar[Role]
    ROLE_APPROVER: _ClassVar[Role]
    ROLE_AUTHORITY: _ClassVar[Role]
    ROLE_HUB: _ClassVar[Role]
    ROLE_AUDITOR: _ClassVar[Role]
    ROLE_REGULATOR: _ClassVar[Role]
    ROLE_WITNESS: _ClassVar[Role]
ROLE_UNSPECIFIED: Role
ROLE_OPERATOR: Role
ROLE_BUYER: Role
ROLE_HOLDER: Role
ROLE_APPROVER: Role
ROLE_AUTHORITY: Role
ROLE_HUB: Role
ROLE_AUDITOR: Role
ROLE_REGULATOR: Role
ROLE_WITNESS: Role

class CreateInvitationRequest(_message.Message):
    __slots__ = ("party", "role", "ttl_seconds")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TTL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    party: str
    role: Role
    ttl_seconds: int
    def __init__(self, party: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., ttl_seconds: _Optional[int] = ...) -> None: ...

class CreateInvitationResponse(_message.Message):
    __slots__ = ("invitation",)
    INVITATION_FIELD_NUMBER: _ClassVar[int]
    invitation: bytes
    def __init__(self, invitation: _Optional[bytes] = ...) -> None: ...

class EnrollRequest(_message.Message):
    __slots__ = ("suite", "evidence_key", "csr", "proof")
    SUITE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_KEY_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    suite: str
    evidence_key: bytes
    csr: bytes
    proof: str
    def __init__(self, suite: _Optional[str] = ..., evidence_key: _Optional[bytes] = ..., csr: _Optional[bytes] = ..., proof: _Optional[str] = ...) -> None: ...

class EnrollResponse(_message.Message):
    __slots__ = ("party_certificate", "party")
    PARTY_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    PARTY_FIELD_NUMBER: _ClassVar[int]
    party_certificate: bytes
    party: Party
    def __init__(self, party_certificate: _Optional[bytes] = ..., party: _Optional[_Union[Party, _Mapping]] = ...) -> None: ...

class Party(_message.Message):
    __slots__ = ("name", "role", "suite", "evidence_key", "revoked", "instances")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SUITE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_KEY_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: Role
    suite: str
    evidence_key: bytes
    revoked: bool
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., suite: _Optional[str] = ..., evidence_key: _Optional[bytes] = ..., revoked: bool = ..., instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("name", "evidence_key", "until", "revoked")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_KEY_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    name: str
    evidence_key: bytes
    until: str
    revoked: bool
    def __init__(self, name: _Optional[str] = ..., evidence_key: _Optional[bytes] = ..., until: _Optional[str] = ..., revoked: bool = ...) -> None: ...

class RegisterInstanceRequest(_message.Message):
    __slots__ = ("certification",)
    CERTIFICATION_FIELD_NUMBER: _ClassVar[int]
    certification: str
    def __init__(self, certification: _Optional[str] = ...) -> None: ...

class RegisterInstanceResponse(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: Instance
    def __init__(self, instance: _Optional[_Union[Instance, _Mapping]] = ...) -> None: ...

class ListPartiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPartiesResponse(_message.Message):
    __slots__ = ("parties",)
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    parties: _containers.RepeatedCompositeFieldContainer[Party]
    def __init__(self, parties: _Optional[_Iterable[_Union[Party, _Mapping]]] = ...) -> None: ...

class RevokePartyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RevokePartyResponse(_message.Message):
    __slots__ = ("party",)
    PARTY_FIELD_NUMBER: _ClassVar[int]
    party: Party
    def __init__(self, party: _Optional[_Union[Party, _Mapping]] = ...) -> None: ...
