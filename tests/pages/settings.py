"""The tests' settings for the server of the pages: the demo's clock is a page too, and menus are what they are for people."""

from config.settings.test import *  # noqa: F403

CLOCK_MOVABLE = True
MENU_COUNTS_KEPT = 5
