from .support import moved_clock  # noqa: F401
