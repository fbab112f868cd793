# SPDX-License-Identifier: GPL-2.0-only
"""CPython's own tests of everything that uses sockets, from Debian's package of them."""

import suite

PACKAGES = ("python3", "libpython3.11-testsuite", "openssl")

# Of the short form: modules, and classes of them.
_SHORT = {
    "test_socket": ("BasicTCPTest", "TCPCloserTest", "TCPTimeoutTest", "NonBlockingTCPTests",
                    "SendmsgTCPTest", "RecvmsgTCPTest", "RecvmsgIntoTCPTest",
                    "InterruptedSendTimeoutTest", "NetworkConnectionBehaviourTest",
                    "FileObjectClassTestCase"),
    "test_asyncore": (),
    "test_ftplib": ("TestFTPClass",),
}
_MODULES = (
    *_SHORT, "test_selectors", "test_socketserver", "test_asynchat", "test_select", "test_poll", "test_epoll",
    "test_ssl", "test_smtplib", "test_smtpd", "test_poplib", "test_imaplib", "test_nntplib",
    "test_telnetlib", "test_httplib", "test_httpservers", "test_urllib2_localnet", "test_xmlrpc",
    "test_docxmlrpc", "test_wsgiref", "test_robotparser", "test_logging", "test_signal", "test_eintr",
    "test_asyncio.test_events", "test_asyncio.test_sock_lowlevel", "test_asyncio.test_sendfile",
    "test_asyncio.test_server", "test_asyncio.test_sslproto", "test_asyncio.test_ssl",
    "test_asyncio.test_buffered_proto", "test_asyncio.test_streams",
    "test_asyncio.test_selector_events", "test_asyncio.test_unix_events",
)
# Seconds for all tests of a module.
_LIMIT = 900

KNOWN = {}


def programs(short):
    return [suite.Program(name, ("python3", f"{suite.HERE}/cpython_run.py", f"test.{name}"), _LIMIT,
                          tuple(f"test.{name}.{each}" for each in _SHORT.get(name, ()) if short))
            for name in (_SHORT if short else _MODULES)]


def only(_program, test):
    """The arguments that make a program run this test alone."""
    return (test,)


def read(program, status, output):
    results = dict(line.split()[1:3] for line in output.splitlines()
                   if line.startswith("@result ") and len(line.split()) == 3)
    if status:
        results[program.name] = suite.FAIL
    return results
