"""``python -m sandbox.s3``: one bucket that speaks S3's protocol. See README.md."""

from __future__ import annotations

import asyncio

from sandbox._web import serve, server_arguments
from sandbox.s3.app import Bucket


def main() -> None:
    parser = server_arguments("s3", 8424)
    parser.add_argument("--bucket", default="rialto")
    parser.add_argument("--access-key", default="SANDBOXACCESSKEY")
    parser.add_argument("--secret-key", default="sandbox-secret-key")
    options = parser.parse_args()
    bucket = Bucket(options.state, options.bucket, options.access_key, options.secret_key)
    asyncio.run(serve(bucket.application(), name="Sandbox S3", host=options.host, port=options.port))
    bucket.db.close()


if __name__ == "__main__":
    main()
