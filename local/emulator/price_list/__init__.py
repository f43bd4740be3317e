"""The lane's prices, those the emulated bill is made of: GetProducts of the Price List, and EC2's history on spot.

moto has no price list, and one price for all spot instances. Products are the instance types that have a price, for
Linux on shared tenancy, and Fargate's vCPU- and GB-hours; what else is asked for is refused or isn't listed.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, request
from moto.ec2.responses.spot_instances import SpotInstances
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from local.emulator.context import EmulatorContext
from local.emulator.cost_explorer.prices import shipped
from local.emulator.price_list.products import Refused, find, products_of
from local.emulator.price_list.spot_history import describe_spot_price_history
from local.emulator.substitute import Substitutions

_SERVICE = "AWSPriceListService"


class PriceListService:
    def __init__(self) -> None:
        self._substitutions = Substitutions()
        app = _application()
        moto = DomainDispatcherApplication.get_application

        def get_application(self: DomainDispatcherApplication, environ: dict[str, Any]) -> Any:
            ours = str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith(f"{_SERVICE}.")
            return app if ours else moto(self, environ)

        self._substitutions.attribute(DomainDispatcherApplication, "get_application", get_application)
        self._substitutions.attribute(SpotInstances, "describe_spot_price_history", describe_spot_price_history)

    def close(self) -> None:
        self._substitutions.undo()


def install(context: EmulatorContext) -> PriceListService:
    """Serves prices beside and in moto's services; `close()` takes them away again."""
    del context
    return PriceListService()


def _application() -> Flask:
    app = Flask("price-list")
    products = products_of(shipped())

    @app.post("/")
    def answer() -> tuple[Response, int]:
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        try:
            if operation != "GetProducts":
                raise Refused(f"{operation} is not emulated; the emulated price list knows GetProducts")
            return jsonify(find(products, request.get_json(force=True))), 200
        except Refused as refused:
            return jsonify(__type="InvalidParameterException", message=str(refused)), 400

    return app
