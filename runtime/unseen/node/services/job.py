"""JobService: work that takes longer than a call."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.interceptors import caller
from unseen.node.jobs import serving
from unseen.node.jobs.record import Job
from unseen.node.pieces import in_pieces
from unseen.node.resources import contract_id, page_size
from unseen.node.wire import job as wire
from unseen.v1 import job_pb2, job_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class JobService(job_pb2_grpc.JobServiceServicer):
    """Jobs."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    def _message(self, job: Job) -> job_pb2.Job:
        return wire.job_message(job, serving.kept(self._node, [job]))

    async def GetJob(
        self, request: job_pb2.GetJobRequest, context: _Context
    ) -> job_pb2.GetJobResponse:
        """Return a job."""
        del context
        job = serving.seen(self._node, caller(), serving.job_id(request.name))
        return job_pb2.GetJobResponse(job=self._message(job))

    async def ListJobs(
        self, request: job_pb2.ListJobsRequest, context: _Context
    ) -> job_pb2.ListJobsResponse:
        """Return a page of the caller's jobs, the newest first."""
        del context
        jobs, more = serving.listed(
            self._node,
            caller(),
            page_size(request.page_size),
            request.page_token,
            contract_id(request.contract) if request.contract else "",
            wire.states(request.states),
        )
        kept = serving.kept(self._node, jobs)
        messages = [wire.job_message(job, kept) for job in jobs]
        return job_pb2.ListJobsResponse(jobs=messages, next_page_token=more)

    async def WatchJob(
        self, request: job_pb2.WatchJobRequest, context: _Context
    ) -> AsyncIterator[job_pb2.WatchJobResponse]:
        """Stream the job as it changes, until it has ended."""
        del context
        job = serving.seen(self._node, caller(), serving.job_id(request.name))
        async for moved in self._node.jobs.watch(job.id, request.cursor):
            cursor = self._node.jobs.cursor(moved)
            yield job_pb2.WatchJobResponse(job=self._message(moved), cursor=cursor)

    async def CancelJob(
        self, request: job_pb2.CancelJobRequest, context: _Context
    ) -> job_pb2.CancelJobResponse:
        """Stop a job."""
        del context
        identifier = serving.job_id(request.name)
        job = await serving.cancel(self._node, caller(), identifier, request.cause)
        return job_pb2.CancelJobResponse(job=self._message(job))

    async def RetryJob(
        self, request: job_pb2.RetryJobRequest, context: _Context
    ) -> job_pb2.RetryJobResponse:
        """Begin a job anew."""
        del context
        job = await serving.retry(self._node, caller(), serving.job_id(request.name))
        return job_pb2.RetryJobResponse(job=self._message(job))

    async def FetchResult(
        self, request: job_pb2.FetchResultRequest, context: _Context
    ) -> AsyncIterator[job_pb2.FetchResultResponse]:
        """Stream a result from an offset."""
        del context
        node, identifier = self._node, serving.job_id(request.name)
        job = serving.seen(node, caller(), identifier)
        result = serving.result(node, caller(), identifier)
        if not 0 <= request.offset <= len(result):
            raise FieldInvalidError("the offset lies outside the result", clause="offset")
        for piece in in_pieces(result, request.offset):
            serving.check_leaves(node, job.contract)  # a stop takes effect between chunks
            yield job_pb2.FetchResultResponse(chunk=piece)

    async def AcknowledgeResult(
        self, request: job_pb2.AcknowledgeResultRequest, context: _Context
    ) -> job_pb2.AcknowledgeResultResponse:
        """Destroy a result that has arrived."""
        del context
        identifier = serving.job_id(request.name)
        job = await serving.acknowledge(self._node, caller(), identifier, request.digest)
        return job_pb2.AcknowledgeResultResponse(job=self._message(job))
