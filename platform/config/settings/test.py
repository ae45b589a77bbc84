"""Tests: real PostgreSQL and Redis, given by the launcher; quick hashing; no outgoing connection but to ourselves."""

import os

os.environ.setdefault("RIALTO_SECRET_KEY", "tests-only-secret-key")
os.environ.setdefault("RIALTO_MASTER_KEY", "dGVzdHMtb25seS1tYXN0ZXIta2V5LTMyLWJ5dGVzISE=")

from config.settings.base import *  # noqa: E402, F403
from config.settings.base import CACHES, DATABASES, REDIS_URL  # noqa: E402

# Tests that run beside each other share a server, not its keys.
REDIS_URL = f"{REDIS_URL.rstrip('/').removesuffix('/0')}/{1 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
CACHES["default"]["LOCATION"] = REDIS_URL

PASSWORD_HASHERS = ["kernel.testing.hashers.QuickHasher"]
CELERY_TASK_ALWAYS_EAGER = False
CELERY_BROKER_URL = "memory://"  # tests run what is due themselves; nothing may wait for it elsewhere
CLOCK_MOVABLE = False
MENU_COUNTS_KEPT = 0  # a test sees what it did
OUTGOING_ALLOWED_SUFFIXES = (".localhost",)
OUTGOING_ALLOWED_HOSTS = frozenset()
for _database in DATABASES.values():
    _database["OPTIONS"].pop("pool", None)
    _database["TEST"] = {"NAME": _database["NAME"]}
