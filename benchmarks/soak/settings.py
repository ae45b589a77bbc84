"""The demo's settings, by the real clock: the demo's own asks Redis for the time, which dies here now and then."""

from config.settings.base import *  # noqa: F403

CLOCK_MOVABLE = False
