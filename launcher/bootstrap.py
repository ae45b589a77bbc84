"""From nothing but Python 3.11 to a virtual environment with everything pinned, then on to the target itself.

Run by the Makefile with whatever ``python3`` the machine has, so this file must stay readable for old ones:
it has to get as far as saying that they are too old.
"""

import os
import sys

MINIMUM = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def require_modern_python() -> None:
    """Hand over to a newer interpreter on PATH if this one is too old; say so and end if there is none."""
    if sys.version_info >= MINIMUM:
        return
    import shutil

    for minor in range(19, MINIMUM[1] - 1, -1):
        other = shutil.which("python3.%d" % minor)  # noqa: UP031
        if other:
            os.execv(other, [other, os.path.abspath(__file__)] + sys.argv[1:])
    sys.exit(
        "FAILED: Python %d.%d or newer is needed, %s is %d.%d\n"  # noqa: UP031
        "TO DO:  Install one and run: make PYTHON=/path/to/it ..."
        % (MINIMUM + (sys.executable,) + sys.version_info[:2])
    )


require_modern_python()

# Appended, not first: the folder `platform/` beside us must come after the standard library's module.
if ROOT not in sys.path:
    sys.path.append(ROOT)

import hashlib  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import shutil  # noqa: E402
import sysconfig  # noqa: E402
from pathlib import Path  # noqa: E402

from launcher import console, layout  # noqa: E402
from launcher.console import LauncherError, complain, run, say, step  # noqa: E402

UV_PIN = layout.ROOT / "launcher" / "requirements-uv.txt"
STAMP = layout.VENV / "rialto.json"
NEEDS_DEV = {"test", "check", "bench", "pins"}
OFFLINE_ADVICE = (
    "Is the machine online, or are PIP_INDEX_URL, UV_DEFAULT_INDEX and HTTPS_PROXY set to where packages can "
    "be had? Then simply run the same command again: it goes on where it stopped."
)


def main(arguments: list[str]) -> None:
    """Prepare the environment for a target and replace this process by the target."""
    target = arguments[0] if arguments else ""
    try:
        prepare("requirements-dev.txt" if target in NEEDS_DEV else "requirements.txt")
    except LauncherError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit("\nStopped; run the same command again to go on.")
    environment = layout.child_environment({console.STARTED_VARIABLE: console.started()})
    layout.writable_home(environment)
    os.chdir(layout.ROOT)
    os.execve(layout.python(), [layout.python(), "-m", "launcher", *arguments], environment)


def prepare(requirements: str) -> None:
    """Make ``.venv`` and install a requirements file, unless the stamp says both are as they should be."""
    wanted = fingerprint(requirements)
    stamp = read_stamp()
    if stamp.get("base") == base() and stamp.get(requirements) == wanted and Path(layout.python()).exists():
        return
    if stamp.get("base") != base() or not environment_works():
        make_environment()
        stamp = {"base": base()}
    install(requirements)
    stamp[requirements] = wanted
    if requirements == "requirements-dev.txt":  # it contains the other one
        stamp["requirements.txt"] = fingerprint("requirements.txt")
    write_stamp(stamp)


def fingerprint(requirements: str) -> str:
    """Changes when a pin does. ``-r`` needs no following: the compiled files stand alone."""
    return hashlib.sha256((layout.ROOT / requirements).read_bytes()).hexdigest()


def base() -> str:
    """What an environment cannot survive a change of: its place on disk and the interpreter's version."""
    return f"{layout.VENV} {sys.implementation.cache_tag} {sysconfig.get_platform()}"


def read_stamp() -> dict[str, str]:
    """What was installed by an earlier run; nothing when unknown."""
    try:
        content: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return content


def write_stamp(stamp: dict[str, str]) -> None:
    """Remember what is installed, only after it is."""
    temporary = STAMP.with_suffix(".new")
    temporary.write_text(json.dumps(stamp, indent=2) + "\n")
    temporary.replace(STAMP)


def environment_works() -> bool:
    """Whether the environment was left whole: its interpreter runs and has pip."""
    try:
        run([layout.VENV / "bin" / "python", "-c", "import pip"], what="probe")
    except LauncherError:
        return False
    return True


def make_environment() -> None:
    """A fresh virtual environment. Names the Debian package that is usually missing, and a folder that is not ours."""
    if not os.access(layout.ROOT, os.W_OK):
        raise LauncherError(
            f"{layout.ROOT} is not yours to write, and everything Rialto makes is made inside it",
            advice="Clone it into a folder of your own and run the same command there.",
        )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise LauncherError(
            f"{sys.executable} comes without the venv/ensurepip modules",
            advice=f"On Debian or Ubuntu: {sudo}apt-get install python{version}-venv",
        )
    try:
        with step(f"Making a virtual environment with Python {version}"):
            if layout.VENV.is_symlink() or layout.VENV.exists():
                shutil.rmtree(layout.VENV)
            run([sys.executable, "-m", "venv", layout.VENV], what="The virtual environment could not be made")
            write_path_file()
    except OSError as error:
        raise LauncherError(
            f"The virtual environment could not be made: {error}",
            advice=f"Is {layout.ROOT} yours to write, and .venv not from another user? Then: rm -rf .venv",
        ) from error


def write_path_file() -> None:
    """Put our source roots on the path, behind the standard library: see `layout.child_environment`."""
    site = Path(
        run(
            [layout.python(), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            what="sysconfig",
        )
    )
    (site / "rialto.pth").write_text(f"{layout.ROOT / 'platform'}\n{layout.ROOT}\n")


def install(requirements: str) -> None:
    """Install one compiled requirements file, hashes checked: by uv, or by pip where uv cannot be had."""
    environment = layout.child_environment({"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"})
    layout.writable_home(environment)
    write_path_file()
    pinned: list[str | Path] = ["--require-hashes", "-r", layout.ROOT / requirements]
    pip: list[str | Path] = [layout.python(), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if has_uv(pip, environment):
        command = [layout.python(), "-m", "uv", "pip", "install", "--python", layout.python(), *pinned]
    else:
        say("uv cannot be had; pip does the same, only slower")
        command = [*pip, "install", "--quiet", "--progress-bar", "off", *pinned]
    with step(f"Installing {requirements}"):
        run(
            command,
            what=f"Installing {requirements} failed",
            advice=OFFLINE_ADVICE,
            env=environment,
            cwd=layout.ROOT,
        )


def has_uv(pip: list[str | Path], environment: dict[str, str]) -> bool:
    """Install the pinned uv into the environment; False when that does not work."""
    try:
        run(
            [*pip, "install", "--quiet", "--require-hashes", "--no-deps", "-r", UV_PIN],
            what="Installing uv failed",
            env=environment,
            cwd=layout.ROOT,
        )
        run([layout.python(), "-m", "uv", "--version"], what="uv does not run", env=environment)
    except LauncherError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
