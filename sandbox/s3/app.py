"""Objects of one bucket over S3's REST protocol, path style. Every request is checked by its signature."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import escape

from sandbox._store import Database
from sandbox._web import Application, Request, Response, Router
from sandbox.s3.signature import Call, Refused, check

SCHEMA = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, body BLOB NOT NULL, type TEXT NOT NULL);"
OPERATIONS = {"", "x-id=PutObject", "x-id=GetObject", "x-id=DeleteObject", "x-id=HeadObject"}
MAX_BODY_BYTES = 64 * 1024 * 1024


class Bucket:
    """One bucket and the one pair of keys that opens it."""

    def __init__(self, folder: Path, name: str, access_key: str, secret_key: str) -> None:
        self.db = Database(folder / "s3.sqlite3", SCHEMA)
        self.name = name
        self.secrets = {access_key: secret_key}

    def application(self) -> Application:
        router = Router()
        router.add("GET", "/healthz", self.healthz)
        return Application(router, self.object, limit=MAX_BODY_BYTES)

    async def healthz(self, request: Request) -> Response:
        return Response(b"ok\n")

    async def object(self, request: Request) -> Response:
        """PUT, GET, HEAD or DELETE of `/bucket/key`."""
        path = request.scope["raw_path"].decode("ascii")
        call = Call(request.method, path, request.query_string, request.headers, request.body)
        try:
            check(call, self.secrets, datetime.now(UTC))
            bucket, _, key = unquote(path).lstrip("/").partition("/")
            if bucket != self.name:
                raise Refused("NoSuchBucket", 404)
            if not key or request.query_string not in OPERATIONS:
                raise Refused("NotImplemented", 501)
            return self._answer(request, key)
        except Refused as refused:
            return _error(refused, path)

    def _answer(self, request: Request, key: str) -> Response:
        if request.method == "PUT":
            kind = request.headers.get("content-type", "binary/octet-stream")
            self.db.run("INSERT OR REPLACE INTO objects VALUES (?,?,?)", key, request.body, kind)
            return Response(b"", headers={"ETag": _etag(request.body)})
        if request.method == "DELETE":
            self.db.run("DELETE FROM objects WHERE key=?", key)
            return Response(b"", 204)
        if request.method not in {"GET", "HEAD"}:
            raise Refused("MethodNotAllowed", 405)
        row = self.db.row("SELECT body, type FROM objects WHERE key=?", key)
        if row is None:
            raise Refused("NoSuchKey", 404)
        return Response(bytes(row["body"]), 200, row["type"], {"ETag": _etag(row["body"])})


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _error(refused: Refused, path: str) -> Response:
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{refused.code}</Code><Message>{refused.code}</Message><Resource>{escape(path)}</Resource></Error>"
    )
    return Response(xml.encode(), refused.status, "application/xml")
