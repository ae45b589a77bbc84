"""One machine, everything embedded, stand-ins for the outside world: what `make demo` runs."""

from config.settings.base import *  # noqa: F403
