"""CatalogService: tables and products."""

from typing import Any

import grpc.aio

from unseen.node.catalog import register
from unseen.node.context import Node
from unseen.node.contracts import governing
from unseen.node.identity.rights import Role
from unseen.node.interceptors import caller
from unseen.node.resources import resource
from unseen.node.wire import catalog as wire
from unseen.node.wire.contract import names
from unseen.v1 import catalog_pb2, catalog_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class CatalogService(catalog_pb2_grpc.CatalogServiceServicer):
    """What the operator hosts and offers."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def RegisterTable(
        self, request: catalog_pb2.RegisterTableRequest, context: _Context
    ) -> catalog_pb2.RegisterTableResponse:
        """Commit to a table's rows and put it into the catalogue."""
        del context
        table = await register.register_table(
            self._node,
            resource("tables", request.name),
            request.source,
            wire.labels(request),
            list(request.subject),
            caller().party,
        )
        return catalog_pb2.RegisterTableResponse(table=wire.table_message(table))

    async def RefreshTable(
        self, request: catalog_pb2.RefreshTableRequest, context: _Context
    ) -> catalog_pb2.RefreshTableResponse:
        """Commit to a table's present rows; lookup epochs follow."""
        del context
        name = resource("tables", request.name)
        table, contracts = await register.refresh_table(
            self._node, name, caller().party, new_keys=request.new_keys
        )
        return catalog_pb2.RefreshTableResponse(
            table=wire.table_message(table), contracts=[f"contracts/{c}" for c in contracts]
        )

    async def LabelTable(
        self, request: catalog_pb2.LabelTableRequest, context: _Context
    ) -> catalog_pb2.LabelTableResponse:
        """Label columns anew."""
        del context
        table, moved = await governing.relabel(
            self._node, resource("tables", request.name), wire.labels(request), caller().party
        )
        return catalog_pb2.LabelTableResponse(
            table=wire.table_message(table),
            suspended=names(moved.suspended),
            resumed=names(moved.resumed),
        )

    async def AssignHolder(
        self, request: catalog_pb2.AssignHolderRequest, context: _Context
    ) -> catalog_pb2.AssignHolderResponse:
        """Say whose table it is."""
        del context
        table = await governing.hold(
            self._node, resource("tables", request.name), request.holder, caller().party
        )
        return catalog_pb2.AssignHolderResponse(table=wire.table_message(table))

    async def ListTables(
        self, request: catalog_pb2.ListTablesRequest, context: _Context
    ) -> catalog_pb2.ListTablesResponse:
        """Return every table."""
        del request, context
        tables = [wire.table_message(table) for table in self._node.catalogue.tables()]
        return catalog_pb2.ListTablesResponse(tables=tables)

    async def RegisterProduct(
        self, request: catalog_pb2.RegisterProductRequest, context: _Context
    ) -> catalog_pb2.RegisterProductResponse:
        """Check predicates on every row and offer them."""
        del context
        product, unusable = await register.register_product(
            self._node,
            register.NewProduct(
                resource("products", request.name),
                resource("tables", request.table),
                request.kind,
                request.title,
                wire.predicates(request),
                wire.prices(request.prices),
                wire.billing(request),
                wire.definition(request),
                dict(request.canonical),
                tuple(request.match.id),
                wire.intersect(request),
                wire.score(request),
            ),
        )
        table = self._node.catalogue.table(product.table)
        message = wire.product_message(product, table, with_expressions=True)
        return catalog_pb2.RegisterProductResponse(product=message, unusable_rows=unusable)

    async def ListProducts(
        self, request: catalog_pb2.ListProductsRequest, context: _Context
    ) -> catalog_pb2.ListProductsResponse:
        """Return every product; expressions for the operator alone."""
        del request, context
        catalogue, shown = self._node.catalogue, caller().role is Role.OPERATOR
        products = [
            wire.product_message(product, catalogue.table(product.table), with_expressions=shown)
            for product in catalogue.products()
        ]
        return catalog_pb2.ListProductsResponse(products=products)
