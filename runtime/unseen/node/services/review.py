"""ReviewService: the queue in front of a person, and what leaves at all."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.release import reviewing
from unseen.node.resources import page_size, page_start
from unseen.node.wire import review as wire
from unseen.v1 import review_pb2, review_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class ReviewService(review_pb2_grpc.ReviewServiceServicer):
    """Held releases, decisions on them, and modes by type."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def ListReviews(
        self, request: review_pb2.ListReviewsRequest, context: _Context
    ) -> review_pb2.ListReviewsResponse:
        """Return a page of what was held, the oldest first."""
        del context
        size = page_size(request.page_size)
        start = page_start(request.page_token)
        found = reviewing.listed(self._node, caller(), start, waiting=request.waiting)
        more = str(found[size].review.leaf_index) if len(found) > size else ""
        return review_pb2.ListReviewsResponse(
            reviews=[wire.review_message(shown) for shown in found[:size]], next_page_token=more
        )

    async def GetReview(
        self, request: review_pb2.GetReviewRequest, context: _Context
    ) -> review_pb2.GetReviewResponse:
        """Return a held release; what it says for the operator alone."""
        del context
        shown = reviewing.show(self._node, caller(), wire.review_id(request.name))
        return review_pb2.GetReviewResponse(review=wire.review_message(shown))

    async def DecideReview(
        self, request: review_pb2.DecideReviewRequest, context: _Context
    ) -> review_pb2.DecideReviewResponse:
        """Take a signed decision."""
        del context
        identifier = wire.review_id(request.name)
        await reviewing.decide(self._node, caller(), identifier, request.decision)
        shown = reviewing.show(self._node, caller(), identifier)
        return review_pb2.DecideReviewResponse(review=wire.review_message(shown))

    async def ListReleaseModes(
        self, request: review_pb2.ListReleaseModesRequest, context: _Context
    ) -> review_pb2.ListReleaseModesResponse:
        """Return what is done with each type of release."""
        del request, context
        modes = wire.modes_message(self._node.releases.modes)
        return review_pb2.ListReleaseModesResponse(modes=modes)

    async def SetReleaseMode(
        self, request: review_pb2.SetReleaseModeRequest, context: _Context
    ) -> review_pb2.SetReleaseModeResponse:
        """Change what is done with one type; it counts from the next request on."""
        del context
        kind, mode = wire.release_type(request.type), wire.release_mode(request.mode)
        await reviewing.set_mode(self._node, caller(), kind, mode)
        modes = wire.modes_message(self._node.releases.modes)
        return review_pb2.SetReleaseModeResponse(modes=modes)
