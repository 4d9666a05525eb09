"""The table of rights: every RPC, and who may call it. What has no row is denied."""

from enum import Enum


class Role(Enum):
    """What a caller is, by its certificate and the store."""

    OPERATOR = "operator"
    BUYER = "buyer"
    INVITEE = "invitee"
    HOLDER = "holder"  # whose table it is
    APPROVER = "approver"  # signs besides the operator where labels demand it
    AUTHORITY = "authority"  # signs mandates
    HUB = "hub"  # hands over consents
    AUDITOR = "auditor"  # reads
    REGULATOR = "regulator"  # reads, and orders openings
    WITNESS = "witness"  # cosigns the log's heads


_OPERATOR = frozenset({Role.OPERATOR})
_BUYER = frozenset({Role.BUYER})
_PARTIES = frozenset(Role) - {Role.INVITEE}
_SIGNERS = frozenset({Role.OPERATOR, Role.BUYER, Role.HOLDER, Role.APPROVER})
_APPROVERS = _SIGNERS - {Role.BUYER}
_REVIEWERS = frozenset({Role.OPERATOR, Role.APPROVER})
_READERS = frozenset({Role.OPERATOR, Role.AUDITOR, Role.REGULATOR})
_SUPERVISORS = frozenset({Role.AUDITOR, Role.REGULATOR})  # one of them, as the contract says
_SIDES = frozenset({Role.OPERATOR, Role.BUYER})
_GRANTORS = frozenset({Role.OPERATOR, Role.AUTHORITY})
_HUB = frozenset({Role.HUB})
_STOPPERS = frozenset({Role.OPERATOR, Role.APPROVER, Role.REGULATOR})
_ANYONE = frozenset(Role)

# Ownership (whose contract, whose instance) is decided by the domain, not here.
RIGHTS: dict[str, frozenset[Role]] = {
    "/unseen.v1.NodeService/GetNode": _ANYONE,
    "/unseen.v1.NodeService/StopNode": _OPERATOR,
    "/unseen.v1.NodeService/ResumeNode": _OPERATOR,
    "/unseen.v1.IdentityService/CreateInvitation": _OPERATOR,
    "/unseen.v1.IdentityService/Enroll": frozenset({Role.INVITEE}),
    "/unseen.v1.IdentityService/RegisterInstance": _PARTIES,
    "/unseen.v1.IdentityService/ListParties": _OPERATOR,
    "/unseen.v1.IdentityService/RevokeParty": _PARTIES,
    "/unseen.v1.CatalogService/RegisterTable": _OPERATOR,
    "/unseen.v1.CatalogService/RefreshTable": _OPERATOR,
    "/unseen.v1.CatalogService/LabelTable": _OPERATOR,
    "/unseen.v1.CatalogService/AssignHolder": _OPERATOR,
    "/unseen.v1.CatalogService/ListTables": _OPERATOR,
    "/unseen.v1.CatalogService/RegisterProduct": _OPERATOR,
    "/unseen.v1.CatalogService/ListProducts": _PARTIES,
    "/unseen.v1.PrivacyService/SetBudget": _OPERATOR,
    "/unseen.v1.PrivacyService/ListLedgers": _READERS,
    "/unseen.v1.ContractService/RequestContract": _BUYER,
    "/unseen.v1.ContractService/ExplainContract": _SIGNERS | _READERS,
    "/unseen.v1.ContractService/GetContract": _SIGNERS | _READERS,
    "/unseen.v1.ContractService/ListContracts": _SIGNERS | _READERS,
    "/unseen.v1.ContractService/ApproveContract": _APPROVERS,
    "/unseen.v1.ContractService/SignContract": _BUYER,
    "/unseen.v1.ContractService/RevokeContract": _SIGNERS,
    "/unseen.v1.ContractService/SuspendContract": _STOPPERS,
    "/unseen.v1.ContractService/ResumeContract": _STOPPERS,
    "/unseen.v1.RulesService/GetRules": _PARTIES,
    "/unseen.v1.RulesService/SetRules": _OPERATOR,
    "/unseen.v1.TemplateService/AddTemplate": _OPERATOR,
    "/unseen.v1.TemplateService/ApproveTemplate": frozenset({Role.APPROVER}),
    "/unseen.v1.TemplateService/GetTemplate": _PARTIES,
    "/unseen.v1.TemplateService/ListTemplates": _PARTIES,
    "/unseen.v1.TemplateService/WithdrawTemplate": frozenset({Role.OPERATOR, Role.APPROVER}),
    "/unseen.v1.ReviewService/ListReviews": _REVIEWERS,
    "/unseen.v1.ReviewService/GetReview": _REVIEWERS,
    "/unseen.v1.ReviewService/DecideReview": _REVIEWERS,
    "/unseen.v1.ReviewService/ListReleaseModes": _SIGNERS | _READERS,
    "/unseen.v1.ReviewService/SetReleaseMode": _OPERATOR,
    "/unseen.v1.LookupService/GetManifest": _BUYER,
    "/unseen.v1.LookupService/FetchTable": _BUYER,
    "/unseen.v1.LookupService/Evaluate": _BUYER,
    "/unseen.v1.LookupService/Answer": _BUYER,
    "/unseen.v1.VerifyService/Verify": _BUYER,
    "/unseen.v1.StatisticsService/Ask": _BUYER,
    "/unseen.v1.IntersectService/Upload": _BUYER,
    "/unseen.v1.IntersectService/Run": _BUYER,
    "/unseen.v1.IntersectService/Fetch": _BUYER,
    "/unseen.v1.IntersectService/End": _BUYER,
    "/unseen.v1.ScoreService/Upload": _BUYER,
    "/unseen.v1.ScoreService/Run": _BUYER,
    "/unseen.v1.ScoreService/Fetch": _BUYER,
    "/unseen.v1.ScoreService/End": _BUYER,
    "/unseen.v1.TrainService/Upload": _BUYER,
    "/unseen.v1.TrainService/Run": _BUYER,
    "/unseen.v1.TrainService/Fetch": _BUYER,
    "/unseen.v1.TrainService/End": _BUYER,
    "/unseen.v1.MeterService/GetUsage": _SIGNERS | _READERS,
    "/unseen.v1.MeterService/GetReceipt": _BUYER,
    "/unseen.v1.MeterService/OpenRelease": _OPERATOR,
    "/unseen.v1.MeterService/ListReleases": _SIGNERS | _READERS,
    "/unseen.v1.JobService/GetJob": _BUYER | _READERS,
    "/unseen.v1.JobService/ListJobs": _BUYER | _READERS,
    "/unseen.v1.JobService/WatchJob": _BUYER | _READERS,
    "/unseen.v1.JobService/CancelJob": _BUYER | _OPERATOR,
    "/unseen.v1.JobService/RetryJob": _OPERATOR,
    "/unseen.v1.JobService/FetchResult": _BUYER,
    "/unseen.v1.JobService/AcknowledgeResult": _BUYER,
    "/unseen.v1.JointService/Step": _BUYER,
    "/unseen.v1.JointService/Contribute": _BUYER,
    "/unseen.v1.JointService/Endorse": _BUYER,
    "/unseen.v1.JointService/Lead": _BUYER,
    "/unseen.v1.LogService/GetCheckpoint": _PARTIES,
    "/unseen.v1.LogService/GetConsistencyProof": _PARTIES,
    "/unseen.v1.OpeningService/SubmitOrder": _SUPERVISORS,
    "/unseen.v1.OpeningService/DrawSample": _SUPERVISORS,
    "/unseen.v1.OpeningService/ListOrders": _BUYER | _READERS,
    "/unseen.v1.OpeningService/GetOrder": _BUYER | _READERS,
    "/unseen.v1.OpeningService/PutPart": _BUYER,
    "/unseen.v1.OpeningService/RespondOrder": _BUYER,
    "/unseen.v1.OpeningService/FetchPart": _SUPERVISORS,
    "/unseen.v1.ObjectionService/OpenObjection": _SIDES | {Role.HUB},
    "/unseen.v1.ObjectionService/AnswerObjection": _SIDES,
    "/unseen.v1.ObjectionService/CloseObjection": _SIDES | {Role.HUB},
    "/unseen.v1.ObjectionService/ListObjections": _SIDES | {Role.HUB} | _READERS,
    "/unseen.v1.ObjectionService/GetObjection": _SIDES | {Role.HUB} | _READERS,
    "/unseen.v1.MandateService/AddMandate": _GRANTORS,
    "/unseen.v1.MandateService/GetMandate": _PARTIES,
    "/unseen.v1.MandateService/ListMandates": _PARTIES,
    "/unseen.v1.MandateService/WithdrawMandate": _GRANTORS,
    "/unseen.v1.MandateService/RequireMandate": _OPERATOR,
    "/unseen.v1.LogService/ListLeaves": _SIGNERS | _READERS,
    "/unseen.v1.LogService/AddCosignature": frozenset({Role.WITNESS}),
    "/unseen.v1.AuditService/GetKeys": _SIGNERS | _READERS | _HUB,
    "/unseen.v1.AuditService/ListDocuments": _SIGNERS | _READERS,
    "/unseen.v1.AuditService/GetEvidence": _SIGNERS | _READERS,
    "/unseen.v1.RegistryService/ListCertificates": _PARTIES,
    "/unseen.v1.RegistryService/GetCertificate": _PARTIES,
    "/unseen.v1.RegistryService/TransferCertificate": _PARTIES,
    "/unseen.v1.RegistryService/AuditTable": _READERS,
    "/unseen.v1.RegistryService/ReplayTable": _READERS,
    "/unseen.v1.ConsentService/AddConsent": _HUB,
    "/unseen.v1.ConsentService/ImportConsents": _HUB,
    "/unseen.v1.ConsentService/WithdrawConsent": _HUB,
    "/unseen.v1.ConsentService/AddDelegation": _HUB,
    "/unseen.v1.ConsentService/WithdrawDelegation": _HUB,
    "/unseen.v1.ConsentService/EvaluateSubjects": _HUB,
    "/unseen.v1.ConsentService/ProveConsent": _HUB,
    "/unseen.v1.ConsentService/ListConsents": _HUB,
    "/unseen.v1.ConsentService/ListConsentRoots": _HUB | _READERS,
    "/unseen.v1.RegistryService/ListInherited": _OPERATOR,
    "/unseen.v1.RegistryService/InheritQuota": _OPERATOR,
    "/grpc.health.v1.Health/Check": _ANYONE,
    "/grpc.health.v1.Health/Watch": _PARTIES,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _PARTIES,
}

# Calls that pass over a whole table, or take much in; every other unary call has the short limit.
LONG_CALLS = frozenset(
    {
        "/unseen.v1.IntersectService/Upload",
        "/unseen.v1.ScoreService/Upload",
        "/unseen.v1.TrainService/Upload",
        "/unseen.v1.CatalogService/RegisterTable",
        "/unseen.v1.CatalogService/RefreshTable",
        "/unseen.v1.CatalogService/RegisterProduct",
        "/unseen.v1.RegistryService/AuditTable",
        "/unseen.v1.RegistryService/ReplayTable",
        "/unseen.v1.ConsentService/ImportConsents",
        "/unseen.v1.ConsentService/WithdrawDelegation",
    }
)

# Calls that pass over a whole table for a buyer: their limit is a setting of its own.
QUESTIONS = frozenset({"/unseen.v1.StatisticsService/Ask"})
