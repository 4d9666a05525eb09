"""The gRPC server: mutual TLS, limits on everything a peer may send, all services behind the gate.

The limits stand in `docs/threat_model.md`: a message of 1 MiB, metadata of 8 KiB,
streams and calls at once, keepalive, and a deadline of the node's own where the client has none.
"""

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from unseen.node.context import Node
from unseen.node.identity.certificates import Pair
from unseen.node.interceptors import Gate
from unseen.node.services.audit import AuditService
from unseen.node.services.catalog import CatalogService
from unseen.node.services.consent import ConsentService
from unseen.node.services.contract import ContractService
from unseen.node.services.identity import IdentityService
from unseen.node.services.intersect import IntersectService
from unseen.node.services.job import JobService
from unseen.node.services.joint import JointService
from unseen.node.services.log import LogService
from unseen.node.services.lookup import LookupService
from unseen.node.services.mandate import MandateService
from unseen.node.services.meter import MeterService
from unseen.node.services.node import NodeService
from unseen.node.services.objection import ObjectionService
from unseen.node.services.opening import OpeningService
from unseen.node.services.privacy import PrivacyService
from unseen.node.services.registry import RegistryService
from unseen.node.services.review import ReviewService
from unseen.node.services.rules import RulesService
from unseen.node.services.score import ScoreService
from unseen.node.services.statistics import StatisticsService
from unseen.node.services.template import TemplateService
from unseen.node.services.train import TrainService
from unseen.node.services.verify import VerifyService
from unseen.v1 import (
    audit_pb2,
    audit_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    consent_pb2,
    consent_pb2_grpc,
    contract_pb2,
    contract_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
    intersect_pb2,
    intersect_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    joint_pb2,
    joint_pb2_grpc,
    log_pb2,
    log_pb2_grpc,
    lookup_pb2,
    lookup_pb2_grpc,
    mandate_pb2,
    mandate_pb2_grpc,
    meter_pb2,
    meter_pb2_grpc,
    node_pb2,
    node_pb2_grpc,
    objection_pb2,
    objection_pb2_grpc,
    opening_pb2,
    opening_pb2_grpc,
    privacy_pb2,
    privacy_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    review_pb2,
    review_pb2_grpc,
    rules_pb2,
    rules_pb2_grpc,
    score_pb2,
    score_pb2_grpc,
    statistics_pb2,
    statistics_pb2_grpc,
    template_pb2,
    template_pb2_grpc,
    train_pb2,
    train_pb2_grpc,
    verify_pb2,
    verify_pb2_grpc,
)

MAX_MESSAGE_BYTES = 1 << 20
_MAX_METADATA_BYTES = 8 << 10


def make_server(node: Node, certificate: Pair) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """Return the server, bound to `node.settings.listen`, and its health servicer.

    `node.address` is set to the address in use. Raises RuntimeError if it cannot be bound.
    """
    server = grpc.aio.server(
        interceptors=[Gate(node)],
        options=_options(node),
        maximum_concurrent_rpcs=4 * node.settings.max_in_flight,
    )
    _add_services(server, node)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    if node.settings.reflection:
        reflection.enable_server_reflection(_service_names(), server)
    credentials = grpc.ssl_server_credentials(
        [(certificate.key_pem(), certificate.certificate_pem())],
        root_certificates=node.authority.certificate_pem(),
        require_client_auth=True,
    )
    host = node.settings.listen.rpartition(":")[0]
    port = server.add_secure_port(node.settings.listen, credentials)
    node.address = node.settings.advertise or f"{host}:{port}"
    return server, health_servicer


def _options(node: Node) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", 2 * _MAX_METADATA_BYTES),
        ("grpc.max_concurrent_streams", node.settings.max_streams),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.max_ping_strikes", 3),
        ("grpc.max_connection_idle_ms", 600_000),
        ("grpc.max_connection_age_ms", 3_600_000),
        ("grpc.max_connection_age_grace_ms", 60_000),
        ("grpc.server_handshake_timeout_ms", 5_000),
        ("grpc.so_reuseport", 0),
    ]


def _add_services(server: grpc.aio.Server, node: Node) -> None:
    node_pb2_grpc.add_NodeServiceServicer_to_server(NodeService(node), server)
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(IdentityService(node), server)
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogService(node), server)
    consent_pb2_grpc.add_ConsentServiceServicer_to_server(ConsentService(node), server)
    contract_pb2_grpc.add_ContractServiceServicer_to_server(ContractService(node), server)
    rules_pb2_grpc.add_RulesServiceServicer_to_server(RulesService(node), server)
    template_pb2_grpc.add_TemplateServiceServicer_to_server(TemplateService(node), server)
    review_pb2_grpc.add_ReviewServiceServicer_to_server(ReviewService(node), server)
    lookup_pb2_grpc.add_LookupServiceServicer_to_server(LookupService(node), server)
    verify_pb2_grpc.add_VerifyServiceServicer_to_server(VerifyService(node), server)
    statistics_pb2_grpc.add_StatisticsServiceServicer_to_server(StatisticsService(node), server)
    intersect_pb2_grpc.add_IntersectServiceServicer_to_server(IntersectService(node), server)
    score_pb2_grpc.add_ScoreServiceServicer_to_server(ScoreService(node), server)
    train_pb2_grpc.add_TrainServiceServicer_to_server(TrainService(node), server)
    meter_pb2_grpc.add_MeterServiceServicer_to_server(MeterService(node), server)
    job_pb2_grpc.add_JobServiceServicer_to_server(JobService(node), server)
    joint_pb2_grpc.add_JointServiceServicer_to_server(JointService(node), server)
    log_pb2_grpc.add_LogServiceServicer_to_server(LogService(node), server)
    opening_pb2_grpc.add_OpeningServiceServicer_to_server(OpeningService(node), server)
    objection_pb2_grpc.add_ObjectionServiceServicer_to_server(ObjectionService(node), server)
    mandate_pb2_grpc.add_MandateServiceServicer_to_server(MandateService(node), server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditService(node), server)
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(RegistryService(node), server)
    privacy_pb2_grpc.add_PrivacyServiceServicer_to_server(PrivacyService(node), server)


def _service_names() -> list[str]:
    modules = (
        node_pb2,
        identity_pb2,
        catalog_pb2,
        consent_pb2,
        contract_pb2,
        rules_pb2,
        template_pb2,
        review_pb2,
        lookup_pb2,
        verify_pb2,
        statistics_pb2,
        intersect_pb2,
        score_pb2,
        train_pb2,
        meter_pb2,
        job_pb2,
        joint_pb2,
        log_pb2,
        opening_pb2,
        objection_pb2,
        mandate_pb2,
        audit_pb2,
        registry_pb2,
        privacy_pb2,
        health_pb2,
    )
    own = [
        service.full_name
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
    return [*own, reflection.SERVICE_NAME]
