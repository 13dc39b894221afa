"""Become a program of the stack: takes that program's environment from DATA_DIR and executes the rest of the words.

So secrets stay in one file of the operator's and out of the supervisor's configuration and process lists. An
operator uses it in the same way, for command lines that need a program's login:

    python -m ops.embedded.launch .data admin python -m ops.operator voters --count 10
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Words: DATA_DIR, the program's name, then the command line."""
    data_folder, program, *words = sys.argv[1:]
    own = json.loads((Path(data_folder) / "environment.json").read_text())[program]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execvpe(words[0], words, {**os.environ, **own, "PATH": path})  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
