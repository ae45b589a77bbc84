"""The tests' settings for the server of the pages: the demo's clock is a page too."""

from config.settings.test import *  # noqa: F403

CLOCK_MOVABLE = True
