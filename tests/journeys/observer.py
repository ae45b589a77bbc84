"""A look into the product while it runs: one process with Django loaded, which answers one question after the other.

Run by `manage.py shell -c`, so it has the environment of the product's own processes.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import Any

from launcher.layout import ROOT

# Each line in is {"slug", "code"}; each line out begins with the mark and is {"answer"} or {"error"}.
MARK = "ANSWER "
LOOP = f"""
import json, sys, traceback
from django.db import connections
from kernel.tenancy import context, directory
from shared_apps.tenants.selectors import tenant_by_slug
for line in sys.stdin:
    asked, names = json.loads(line), {{}}
    try:
        directory.forget()
        with context.use(tenant_by_slug(asked["slug"])):
            exec(asked["code"], names)
        said = {{"answer": names["answer"]}}
    except Exception:
        said = {{"error": traceback.format_exc()}}
    connections.close_all()
    print({MARK!r} + json.dumps(said, default=str), flush=True)
"""


class Observer:
    """Answers what is asked of it, until `close`. `environment` is that of a `make manage` of the product."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "launcher", "manage"],
            cwd=ROOT, env={**environment, "ARGS": shlex.join(["shell", "-v", "0", "-c", LOOP])},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, slug: str, code: str) -> Any:
        """What `code` leaves in `answer` (JSON), run in a brokerage's scope. Raises AssertionError with its traceback."""
        reading, writing = self._process.stdout, self._process.stdin
        assert reading is not None
        assert writing is not None
        writing.write(json.dumps({"slug": slug, "code": code}) + "\n")
        writing.flush()
        for line in reading:
            if line.startswith(MARK):
                said = json.loads(line.removeprefix(MARK))
                assert "error" not in said, said["error"]
                return said["answer"]
        raise AssertionError(f"the observer ended with {self._process.wait()}")

    def close(self) -> None:
        """Its loop ends with its input."""
        self._process.communicate()
