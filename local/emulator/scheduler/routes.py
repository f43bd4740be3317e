"""The emulator's own endpoint, which AWS doesn't have: firing a schedule now.

    POST /batchyard/schedules/fire   {"group": "default", "name": "flights-daily"}   → {"execution_id": "…"}

404 with {"message"} for a schedule or group that doesn't exist, 400 for a body that isn't such an object. Tests and the
demo use it: they can't wait for tomorrow morning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from moto.core.exceptions import JsonRESTError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from local.emulator.substitute import Substitutions

FIRE_PATH = "/batchyard/schedules/fire"


def add_routes(substitutions: Substitutions, fire: Callable[[str, str], str]) -> None:
    """Serves FIRE_PATH beside moto's services, on whatever server runs moto's dispatcher."""
    app = _application(fire)
    moto = DomainDispatcherApplication.get_application

    def get_application(self: DomainDispatcherApplication, environ: dict[str, Any]) -> Any:
        return app if environ.get("PATH_INFO") == FIRE_PATH else moto(self, environ)

    substitutions.attribute(DomainDispatcherApplication, "get_application", get_application)


def _application(fire: Callable[[str, str], str]) -> Flask:
    app = Flask("batchyard")

    @app.post(FIRE_PATH)
    def fire_schedule() -> tuple[Response, int]:
        asked = request.get_json(force=True, silent=True)
        if not isinstance(asked, dict) or not isinstance(asked.get("name"), str):
            return jsonify(message=f'{FIRE_PATH}: write {{"group": "default", "name": "<schedule>"}}'), 400
        try:
            return jsonify(execution_id=fire(asked.get("group") or "default", asked["name"])), 200
        except JsonRESTError as error:
            return jsonify(message=error.message), 404

    return app
