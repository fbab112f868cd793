# SPDX-License-Identifier: GPL-2.0-only
"""Sources of Debian packages, and packages of another Debian release: unpacked into the cache.

They come from the archives that the machine's apt uses for Debian itself. apt is given a
configuration of its own, so that the machine's stays as it is.
"""

import pathlib
import subprocess
import tempfile

import cache
from report import Failure, step


def _archives(kind, codename=None):
    """Lines of sources.list for Debian's main archive: of the machine's release, or another."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)",
         "Origin: Debian", "Identifier: Packages"], capture_output=True, text=True).stdout
    targets = sorted(set(tuple(line.split()) for line in listed.splitlines()))
    # The others are called bookworm-updates, bookworm-security and the like; the sources of a
    # version that was replaced there are gone.
    lines = [f"{kind} {uri} {codename or own} {component}" for uri, own, component in targets
             if "-" not in own]
    if not lines:
        raise Failure("apt knows no packages of Debian; is 'apt-get update' due?")
    return lines


def _apt(sources, *commands):
    """Run commands of apt-get with these lines of sources.list, in an empty folder; -> it.

    The folder is deleted with the object that is returned.
    """
    scratch = tempfile.TemporaryDirectory(prefix="testbed.")
    folder = pathlib.Path(scratch.name)
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "work").mkdir()
    (folder / "sources.list").write_text("".join(f"{line}\n" for line in sources))
    options = {"Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
               "Dir::State::Lists": folder / "lists", "Dir::Cache::PkgCache": "",
               "Dir::Cache::SrcPkgCache": "", "APT::Sandbox::User": "root",
               "Acquire::Languages": "none"}
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    for command in commands:
        done = subprocess.run(["apt-get", "-q", *given, *command], cwd=folder / "work",
                              capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"apt-get {' '.join(command)} failed:\n{done.stderr.strip()}")
    return scratch


def source(package):
    """The folder with the unpacked and patched source of a package."""
    def build(path):
        with step(f"downloading the source of {package}"):
            with _apt(_archives("deb-src"), ["update"],
                      ["source", "--only-source", package]) as scratch:
                tree, = (each for each in (pathlib.Path(scratch) / "work").iterdir()
                         if each.is_dir())
                subprocess.run(["cp", "-a", tree, path], check=True)
    return cache.item(f"source-{package}", build)


def of_release(codename, *packages):
    """The folder in which these packages of another release are unpacked."""
    def build(path):
        with step(f"downloading {', '.join(packages)} of {codename}"):
            with _apt(_archives("deb", codename), ["update"],
                      ["download", *packages]) as scratch:
                for deb in (pathlib.Path(scratch) / "work").glob("*.deb"):
                    subprocess.run(["dpkg", "-x", deb, path], check=True)
    return cache.item(f"{codename}-{cache.digest(*packages)}", build)
