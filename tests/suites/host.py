# SPDX-License-Identifier: GPL-2.0-only
"""How suites are built on the host."""

import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "testbed"))

# pylint: disable=wrong-import-position
import archive
from report import Failure


def run(*command, cwd=None, env=None):
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failure(f"{command[0]} in {cwd or '.'} failed:\n{done.stdout[-3000:]}")


def copy_source(package, folder):
    """A copy of a Debian package's source, to build in."""
    folder.mkdir(parents=True)
    run("cp", "-a", f"{archive.source(package)}/.", folder)
