"""The demo's settings plus a database alias on Django's own backend, to compare with. Connections are kept, not pooled."""

from copy import deepcopy

from config.settings.base import *  # noqa: F403
from config.settings.base import DATABASES

for _database in DATABASES.values():
    _database["OPTIONS"].pop("pool", None)
    _database["CONN_MAX_AGE"] = None
PLAIN = "plain"
DATABASES[PLAIN] = deepcopy(DATABASES["owner"]) | {"ENGINE": "django.db.backends.postgresql"}
CLOCK_MOVABLE = False
