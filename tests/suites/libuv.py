# SPDX-License-Identifier: GPL-2.0-only
"""libuv's tests of TCP, of polling and of connections that processes pass on."""

import suite

PACKAGES = ()

_SHORT = ("tcp_oob", "poll_oob", "tcp_read_stop_start", "tcp_ping_pong", "poll_duplex")
# Of the tests that the suite's own list has; "*_error_*" and the like open no connection.
_TESTS = (
    *_SHORT, "tcp_ping_pong_vec", "tcp6_ping_pong", "tcp6_ping_pong_vec", "delayed_accept",
    "multiple_listen", "tcp_alloc_cb_fail", "tcp_write_after_connect", "tcp_writealot",
    "tcp_write_fail", "tcp_try_write", "tcp_try_write_error", "tcp_write_queue_order", "tcp_open",
    "tcp_open_twice", "tcp_open_bound", "tcp_open_connected", "tcp_write_ready",
    "tcp_shutdown_after_write", "tcp_close_while_connecting", "tcp_close_after_read_timeout",
    "tcp_close", "tcp_close_reset_accepted", "tcp_close_reset_accepted_after_shutdown",
    "tcp_close_reset_accepted_after_socket_shutdown", "tcp_close_reset_client",
    "tcp_close_reset_client_after_shutdown", "tcp_create_early_accept", "tcp_close_accept",
    "tcp_flags", "tcp_write_to_half_open_connection", "tcp_unexpected_read", "tcp_read_stop",
    "tcp_rst", "ipc_send_recv_tcp", "ipc_send_recv_tcp_inprocess", "ipc_tcp_connection",
    "ipc_listen_before_write", "ipc_listen_after_write", "shutdown_close_tcp", "shutdown_eof",
    "shutdown_simultaneous", "shutdown_twice", "callback_stack", "getsockname_tcp",
    "poll_unidirectional", "poll_close", "poll_nested_epoll", "poll_multiple_handles",
    "poll_closesocket", "socket_buffer_size", "not_writable_after_shutdown",
    "not_readable_nor_writable_on_read_error", "connection_fail",
)
_UNIX = ("async", "core", "dl", "epoll", "fs", "getaddrinfo", "getnameinfo", "linux-core",
         "linux-inotify", "linux-syscalls", "loop", "loop-watcher", "pipe", "poll", "process",
         "procfs-exepath", "proctitle", "random-devurandom", "random-getrandom",
         "random-sysctl-linux", "signal", "stream", "tcp", "thread", "tty", "udp")
_LIMIT = 120

KNOWN = {}


def build(folder):
    import host
    tree = folder / "tree"
    host.copy_source("libuv1", tree)
    sources = [*(tree / "src").glob("*.c"), *(tree / f"src/unix/{name}.c" for name in _UNIX),
               *(tree / "test").glob("test-*.c"), *(tree / f"test/{name}.c" for name in (
                   "run-tests", "runner", "runner-unix", "blackhole-server", "echo-server"))]
    # Some of the tests include a source file of the library.
    host.run("gcc", "-O0", "-w", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-DHAVE_PTHREAD",
             f"-I{tree}/include", f"-I{tree}/src", f"-I{tree}/test", "-o", folder / "run_tests",
             *sources, "-Wl,--allow-multiple-definition", "-lpthread", "-ldl", "-lrt")
    host.run("rm", "-r", tree)


def programs(short):
    # A test that takes longer than five seconds has failed, for the suite, without this.
    slow = (("UV_TEST_TIMEOUT_MULTIPLIER", "10"), ("UV_RUN_AS_ROOT", "1"))
    return [suite.Program(name, (f"{suite.HERE}/libuv/run_tests", name), _LIMIT, environment=slow)
            for name in (_SHORT if short else _TESTS)]


_POINTS = suite.by_tap(named=False)


def read(program, status, output):
    """The suite reports each test as point 1."""
    verdict = _POINTS(program, status, output)
    return {program.name: verdict.get(f"{program.name}: 1", suite.FAIL)}
