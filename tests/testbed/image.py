# SPDX-License-Identifier: GPL-2.0-only
"""An initramfs, written as a cpio archive without root rights or scratch trees."""

import os
import pathlib
import re
import stat
import subprocess
import tarfile

import debian
from report import Failure

# In Debian these are symbolic links into /usr. A directory of the same name in a later
# archive would replace the link and hide the files behind it.
_MERGED = ("bin/", "sbin/", "lib/", "lib64/")


def libraries(program):
    """The shared libraries a program is linked with."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    if "not found" in listed:
        raise Failure(f"{program} lacks libraries:\n{listed}")
    return re.findall(r"(/\S+) \(0x", listed)


class Image:
    """Paths and their content; later additions replace earlier ones."""

    def __init__(self):
        self._entries = {}
        self._modules = []

    def _add(self, path, mode, data=b"", rdev=(0, 0)):
        path = str(path).strip("/")
        if path.startswith(_MERGED):
            path = "usr/" + path
        parent = os.path.dirname(path)
        if parent and parent not in self._entries:
            self.directory(parent)
        self._entries[path] = (mode, data, rdev)

    def directory(self, path, mode=0o755):
        self._add(path, stat.S_IFDIR | mode)

    def node(self, path, major, minor):
        self._add(path, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def symlink(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def text(self, path, text, mode=0o644):
        self._add(path, stat.S_IFREG | mode, text.encode())

    def data(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data)

    def file(self, source, path):
        """Copy a file or a tree from the host; programs bring their shared libraries."""
        source = pathlib.Path(source)
        if source.is_dir():
            self.directory(path)
            for child in sorted(source.iterdir()):
                self.file(child, f"{path}/{child.name}")
            return
        try:
            mode = source.stat().st_mode & 0o777
            data = source.read_bytes()
        except OSError as error:
            raise Failure(f"cannot put {source} into the image: {error.strerror}")
        self.data(path, data, mode)
        if mode & 0o100 and data[:4] == b"\x7fELF":
            for library in libraries(source):
                self.data(library, pathlib.Path(library).read_bytes(), 0o755)

    def module(self, source):
        """A kernel module for the guest's init to load, after those added before."""
        source = pathlib.Path(source)
        name = source.name.removesuffix(".xz")
        if name not in self._modules:
            self._modules.append(name)
            self.data(f"testbed/modules/{name}", debian.module_bytes(source))

    def busybox(self):
        self.file("/bin/busybox", "bin/busybox")
        listed = subprocess.run(["/bin/busybox", "--list"], check=True,
                                capture_output=True, text=True).stdout
        for applet in set(listed.split()) - {"busybox"}:
            self.symlink(f"bin/{applet}", "busybox")

    def skeleton(self):
        """The folders and the console that every guest needs."""
        for path in "proc sys dev run tmp root etc result".split():
            self.directory(path)
        for path in _MERGED:
            self.directory("usr/" + path)
            self.symlink(path, "usr/" + path.strip("/"))
        self.directory("tmp", 0o1777)
        self.node("dev/console", 5, 1)

    def tar(self, path, left_out):
        """A root filesystem without its device nodes and the folders left_out."""
        prefixes = tuple(f"{folder}/" for folder in left_out)
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if f"{name}/".startswith(prefixes):
                    continue
                if member.isdir() and name != ".":
                    self.directory(name, member.mode)
                elif member.issym():
                    self.symlink(name, member.linkname)
                elif member.isfile() or member.islnk():
                    self.data(name, archive.extractfile(member).read(), member.mode)

    def write(self, path, base=None):
        """Write the archive, after that of base: the kernel unpacks both in this order."""
        if not base:
            self.text("testbed/modules/order", "".join(f"{name}\n" for name in self._modules))
        with open(path, "wb") as out:
            if base:
                out.write(pathlib.Path(base).read_bytes())
            for inode, (name, (mode, data, rdev)) in enumerate(self._entries.items(), 1):
                _member(out, inode, name, mode, data, rdev)
            _member(out, 0, "TRAILER!!!", 0, b"", (0, 0))


def _member(out, inode, name, mode, data, rdev):
    """One member in the "newc" format: thirteen hexadecimal fields, name, data, padded to 4."""
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(name.encode()) + 1, 0)
    head = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
    out.write(head + bytes(-len(head) % 4))
    out.write(data + bytes(-len(data) % 4))
