// SPDX-License-Identifier: GPL-2.0-only
#include "bpf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/btf.h>

#include "case.h"

#define VMLINUX		"/sys/kernel/btf/vmlinux"

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* ---- Functions of the kernel --------------------------------------------- */

static char *read_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	struct stat stat;
	char *all;

	if (fd < 0)
		skip("%s: %s", path, errno_name(errno));
	call(fstat(fd, &stat));
	all = malloc(stat.st_size);
	check(all);
	while (length < (size_t)stat.st_size) {
		long n = call(read(fd, all + length, stat.st_size - length));

		check(n > 0);
		length += n;
	}
	close(fd);
	return all;
}

/* The size of the data after a type's head. */
static size_t rest_of(const struct btf_type *type)
{
	size_t n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

static uint32_t function_id(const char *name)
{
	char *all = read_all(VMLINUX);
	const struct btf_header *header = (void *)all;
	const char *strings = all + header->hdr_len + header->str_off;
	const char *at = all + header->hdr_len + header->type_off;
	const char *end = at + header->type_len;
	uint32_t id = 1;

	for (; at < end; id++) {
		const struct btf_type *type = (const void *)at;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    !strcmp(strings + type->name_off, name))
			break;
		at += sizeof(*type) + rest_of(type);
	}
	if (at >= end)
		skip("this kernel has no %s()", name);
	free(all);
	return id;
}

/* ---- Programs ------------------------------------------------------------ */

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

int bpf_deny_incoming(void)
{
	static const struct bpf_insn insns[] = { SET(BPF_REG_0, -EPERM), RETURN };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_MODIFY_RETURN,
		.attach_btf_id = function_id("security_inet_conn_request"),
	};
	union bpf_attr link = {
		.raw_tracepoint.prog_fd =
			load(&attr, insns, sizeof(insns) / sizeof(insns[0])),
	};
	int fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &link);

	if (fd < 0)
		skip("a BPF program cannot be a security hook: %s",
		     errno_name(errno));
	close(link.raw_tracepoint.prog_fd);
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
