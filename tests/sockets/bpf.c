// SPDX-License-Identifier: GPL-2.0-only
#include "bpf.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "case.h"

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

#define SET(register, value)						\
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = register, .imm = value }
#define RETURN	{ .code = BPF_JMP | BPF_EXIT }

static int load(union bpf_attr *attr, const struct bpf_insn *insns, size_t n)
{
	static char log[4096];
	int fd;

	attr->insns = (uintptr_t)insns;
	attr->insn_cnt = n;
	attr->license = (uintptr_t)"GPL";
	attr->log_buf = (uintptr_t)log;
	attr->log_size = sizeof(log);
	attr->log_level = 1;
	fd = bpf(BPF_PROG_LOAD, attr);
	if (fd < 0)
		skip("a BPF program cannot be loaded: %s %.200s",
		     errno_name(errno), log);
	return fd;
}

/* Attach a program, which is closed, to a cgroup. */
static int attach(int program, int cgroup, enum bpf_attach_type type)
{
	union bpf_attr link = {
		.link_create.prog_fd = program,
		.link_create.target_fd = cgroup,
		.link_create.attach_type = type,
	};
	int fd = call(bpf(BPF_LINK_CREATE, &link));

	close(program);
	return fd;
}

int bpf_look_at_packets(int cgroup)
{
	static const struct bpf_insn insns[] = { SET(BPF_REG_0, 1), RETURN };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
		.expected_attach_type = BPF_CGROUP_INET_INGRESS,
	};

	return attach(load(&attr, insns, sizeof(insns) / sizeof(insns[0])), cgroup,
		      BPF_CGROUP_INET_INGRESS);
}

int bpf_redirect(int cgroup, int family, uint32_t port)
{
	const struct bpf_insn insns[] = {
		SET(BPF_REG_2, htons(port)),
		{ .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_2,
		  .off = offsetof(struct bpf_sock_addr, user_port) },
		SET(BPF_REG_0, 1),
		RETURN,
	};
	enum bpf_attach_type type = family == AF_INET ? BPF_CGROUP_INET4_CONNECT :
							BPF_CGROUP_INET6_CONNECT;
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.expected_attach_type = type,
	};

	return attach(load(&attr, insns, sizeof(insns) / sizeof(insns[0])), cgroup, type);
}
