"""What the office's pages propose to a second person."""

from . import change_kinds

change_kinds.register()
