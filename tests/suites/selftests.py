# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests of TCP sockets: tools/testing/selftests/net of the packaged source."""

import suite

PACKAGES = ()
# The algorithms that tls tests, as far as Debian's kernel has them.
MODULES = ("tls", "ghash_generic", "gcm", "ccm", "chacha20poly1305", "chacha_generic",
           "poly1305_generic")

_TARBALL = "/usr/src/linux-source-6.12.tar.xz"
# What "make headers" needs, and the tests.
_UNPACKED = ("Makefile", "Kbuild", "include/uapi/*", "include/asm-generic/*", "arch/x86/entry/*",
             "arch/x86/Makefile*", "arch/x86/Kconfig*", "arch/x86/tools/*", "scripts/*", "tools/include/*",
             "tools/testing/selftests/net/*", "tools/testing/selftests/*.h")

# The same tests are repeated with every algorithm; to a connection, they are the same.
_TLS = ("-f", "global", "-f", "tls_basic", "-f", "tls_err", "-v", "12_aes_gcm", "-v", "13_aes_gcm",
        "-v", "13_chacha")

_ALONE = ("tcp_inq -4", "tcp_inq -6", "reuseport_bpf", "reuseport_bpf_cpu", "reuseport_dualstack",
          "reuseport_addr_any", "reuseaddr_conflict", "sk_connect_zero_addr", "bind_wildcard", "bind_timewait",
          *(f"tcp_fastopen_backup_key -{flags}" for flags in ("4", "6", "4s", "6s", "4r", "6r")),
          *(f"rxtimestamp --tcp --ipv{ip}" for ip in (4, 6)))
# A server that listens on the port, and a client that ends by itself.
_PAIRS = tuple(
    [(f"msg_zerocopy -{ip}{flags}",
      f"msg_zerocopy -{ip} -p 8000 -t 2 -S {host} -D {host} -r tcp",
      f"msg_zerocopy -{ip} -p 8000 -t 1 -S {host} -D {host}{flags} tcp")
     for ip, host in ((4, "127.0.0.1"), (6, "::1")) for flags in ("", " -z")] +
    [(f"tcp_mmap -{ip}{flags}", f"tcp_mmap -{ip} -p 8000 -s -i{flags}",
      f"tcp_mmap -{ip} -p 8000 -H {host} -i{flags}")
     for ip, host in ((4, "127.0.0.1"), (6, "::1")) for flags in ("", " -z")])
_MMAP_BYTES = 64 << 20
_SHORT = ("tls", "tcp_inq", "msg_zerocopy")
# Tests of what this kernel does not have: some of them wait for it, for half a minute each.
_REKEY = ("rekey_rx", "rekey_tx", "rekey", "rekey_fail", "rekey_peek", "splice_rekey",
          "rekey_peek_splice", "rekey_getsockopt", "rekey_poll_pending", "rekey_poll_delay")

KNOWN = {
    "rxtimestamp*": "Get timestamps (SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING)",
}


def build(folder):
    import host
    tree = folder / "tree"
    tree.mkdir()
    host.run("tar", "-xJf", _TARBALL, "--strip-components=1", "--wildcards",
             *(f"*/{each}" for each in _UNPACKED), cwd=tree)
    host.run("make", "headers", cwd=tree)
    tests = tree / "tools/testing/selftests/net"
    for command in {"tls", *_ALONE, *(client for _, _, client in _PAIRS)}:
        name = command.split()[0]
        # Rekeying is newer than this kernel, but some of its tests were taken over.
        rekey = "-Dtls_crypto_info_init(v, c, i, ...)=tls_crypto_info_init(v, c, i)"
        if name == "tcp_mmap":
            source = (tests / "tcp_mmap.c").read_text()
            (tests / "tcp_mmap.c").write_text(source.replace("(1ULL << 35)", f"{_MMAP_BYTES}ULL"))
        host.run("gcc", "-O2", "-w", "-D_GNU_SOURCE", rekey, "-isystem", tree / "usr/include", "-I..",
                 "-o", folder / name, f"{name}.c", "-lpthread", "-lcrypto", cwd=tests)
    host.run("rm", "-r", tree)


def _pair(name, server, client):
    return suite.Program(name, (
        "sh", "-c", f"{suite.HERE}/selftests/{server} & until grep -q ':1F40 .* 0A ' /proc/net/tcp*; "
        f"do sleep 0.1; done; {suite.HERE}/selftests/{client}"), 60)


def programs(short):
    left_out = tuple(word for name in _REKEY for word in ("-T", name))
    chosen = ("-v", "13_aes_gcm") if short else _TLS
    found = [suite.Program("tls", (f"{suite.HERE}/selftests/tls",), 1200, left_out + chosen)]
    found += [suite.Program(command, tuple(f"{suite.HERE}/selftests/{command}".split()), 120)
              for command in _ALONE]
    found += [_pair(*each) for each in _PAIRS]
    return [each for each in found if not short or each.name.split()[0] in _SHORT]


_POINTS = suite.by_tap()
_STATUS = suite.by_status(skipped=(4,))


def only(program, test):
    """The arguments that make "tls" run one test alone."""
    if program.name != "tls":
        return program.arguments
    return ("-r", test.removeprefix("tls: "))


def read(program, status, output):
    return (_POINTS if program.name == "tls" else _STATUS)(program, status, output)
