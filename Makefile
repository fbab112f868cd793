# SPDX-License-Identifier: GPL-2.0-only
#
# SChannel: everything is built, shown, tested and installed from here.
# 'make help' lists what there is.

# KDIR: the headers of the kernel that 'make modules' and 'make install' are for. The default is
# the running kernel, if its series is supported and its headers are installed. Without
# KDIR, 'make modules' builds for the kernel that the testbed boots, as all tests do.
SERIES	 := 6.12
KDIR	 ?= $(wildcard $(filter /lib/modules/$(SERIES).%,/lib/modules/$(shell uname -r)/build))
KVER	  = $(shell cat $(KDIR)/include/config/kernel.release)
O	 ?= build
GUEST	 ?= pv
SOAK	 ?= 600
PREFIX	 ?= /usr/local

BUILD	 := $(abspath $(O))
TESTBED	 := tests/testbed/testbed
TEST_KDIR = $(shell $(TESTBED) kdir)
no_headers = $(error the headers of the running kernel are not installed, or it is no Linux $(SERIES); name others with KDIR=)
kbuild	  = $(MAKE) -C $(or $(KDIR),$(TEST_KDIR),$(no_headers)) M=$(1)

.DEFAULT_GOAL := all

help:
	@echo 'Build'
	@echo '  all            modules, library and tools (the default)'
	@echo '  modules        the kernel modules, for the running kernel if its headers are'
	@echo '                 installed; KDIR= names others'
	@echo '  lib            libschannel and its examples'
	@echo '  install        modules, library, tools, headers, guides (PREFIX=, DESTDIR=); uninstall'
	@echo '  generate       the netlink code, from include/uapi/linux/schannel.yaml'
	@echo '  clean          what was built here; the cache stays'
	@echo 'See it work'
	@echo '  demo           two domains on real Xen, and a table of what it is worth; iperf3 goes on'
	@echo '                 while they are taken apart and paired again'
	@echo '                 (GUEST=pv, the default, or GUEST=pvh)'
	@echo '  proof          iperf3, redis, nginx, PostgreSQL, OpenSSH and others between two domains,'
	@echo '                 over the network, and then attached (GUEST=pvh, too)'
	@echo '  bench          the numbers: native, in a VM, between two domains, each beside its'
	@echo '                 competitors (GUEST=pv or pvh; QUICK=1;'
	@echo '                 PARTS="native icount vm sizes xen vcpus scale mesh")'
	@echo 'Test'
	@echo '  quick          style and unit tests: before each commit'
	@echo '  check          quick, and everything below'
	@echo '  check-full     that, and what takes its time on real Xen'
	@echo '  check-unit     rings, queues, pool and messages, with sanitizers and fuzzers;'
	@echo '                 litmus tests; the report of bench'
	@echo '  check-lib      libschannel with sanitizers and fuzzers, then in a VM; socat, too'
	@echo '  check-broker   schanneld against a real xenstored, with simulated domains'
	@echo '  check-guest    sockets on the loopback transport, in a VM'
	@echo '                 (PICK=connect.refused or PICK=connect,poll: only these cases)'
	@echo '  check-races    sockets, with a search for data races in the module (PICK=)'
	@echo '  check-inet     TCP whose bytes move to channels, over the loopback transport in a VM'
	@echo '                 (PICK=inet_move.load or PICK=attaching: only these)'
	@echo '  mutants-inet   breaks transparent mode, one way at a time, and sees that check-inet'
	@echo '                 would notice (ONLY=pattern: some of it)'
	@echo '  check-suites   socket tests of CPython, liburing, the kernel and libuv, over plain TCP, then'
	@echo '                 diverted (SUITES=cpython,libuv: only these); check-suites-short: some of them'
	@echo '  check-ctl      schannelctl, on what is made up and on loopback in a VM'
	@echo '  check-xen      sockets between domains on real Xen, PV and PVH'
	@echo '                 (check-xen-full: more cases, and a soak)'
	@echo '  check-debug    sockets on a kernel with KASAN, lockdep and kmemleak'
	@echo '                 (check-debug-full: diverted TCP, all allocations that fail)'
	@echo '  check-kcsan    sockets and diverted TCP on a kernel with KCSAN'
	@echo '  soak           a thousand flows for ten minutes (SOAK=seconds) on loopback, then'
	@echo '                 between two domains (GUEST=pv, the default, or GUEST=pvh)'
	@echo '  style          checkpatch --strict, sparse, W=1, kernel-doc, commit messages,'
	@echo '                 generated files, layers, and mutants that no longer change anything'
	@echo '  layers         no file refers to a higher layer, no files form a circle'

all: modules lib tools

# ---- Building -----------------------------------------------------------

setup:
	@tests/testbed/setup

# "+": make sees no $(MAKE) in what is called, and would build without its -j.
modules:
	+$(call kbuild,$(CURDIR)/net/schannel) modules

lib:
	$(MAKE) -C lib O=$(BUILD)/lib

tools:
	$(MAKE) -C tools O=$(BUILD)/tools

guest-tests:
	$(MAKE) -C tests/sockets O=$(BUILD)/tests/sockets

# A hostile peer on loopback; for the kernel that runs the tests.
tamper-module:
	tests/sockets/tamper/build $(BUILD) $(or $(KDIR),$(TEST_KDIR))

# A user of sockets in the kernel, for the same kernel.
kernel-user-module:
	tests/sockets/kernel_user/build $(BUILD) $(or $(KDIR),$(TEST_KDIR))

# schannel.ko for check-races, and the module that watches it.
race-modules:
	tests/races/build $(BUILD) $(or $(KDIR),$(TEST_KDIR))

soak-tests:
	$(MAKE) -C tests/soak O=$(BUILD)/tests/soak

proof-tests:
	$(MAKE) -C tests/proof O=$(BUILD)/tests/proof

hostile-tests:
	$(MAKE) -C tests/hostile O=$(BUILD)/tests/hostile
	tests/hostile/build $(BUILD) $(or $(KDIR),$(TEST_KDIR))

suite-tests:
	$(MAKE) -C tests/suites O=$(BUILD)/tests/suites LIB=$(BUILD)/lib

bench-tests:
	$(MAKE) -C tests/bench O=$(BUILD)/tests/bench
	$(MAKE) -C tests/bench/xen O=$(BUILD)/tests/bench

install: all
	$(if $(KDIR),,$(no_headers))
	$(call kbuild,$(CURDIR)/net/schannel) INSTALL_MOD_PATH=$(DESTDIR) modules_install
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/linux include/uapi/linux/*.h
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/schannel include/uapi/linux/schannel.yaml
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/schannel CHANGELOG.md docs/*.md
	$(MAKE) -C lib O=$(BUILD)/lib install
	$(MAKE) -C tools O=$(BUILD)/tools install

# Its output is in git: building needs no generator.
generate: setup
	net/schannel/admin/ynl-regen

uninstall:
	$(if $(KDIR),,$(no_headers))
	rm -f $(DESTDIR)/lib/modules/$(KVER)/updates/schannel.ko*
	rm -f $(DESTDIR)/lib/modules/$(KVER)/updates/schannel_xen.ko*
	rm -f $(DESTDIR)/lib/modules/$(KVER)/updates/schannel_inet.ko*
	-[ -n "$(DESTDIR)" ] || depmod $(KVER)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/include/linux/,$(notdir $(wildcard include/uapi/linux/*.h)))
	rm -rf $(DESTDIR)$(PREFIX)/share/schannel $(DESTDIR)$(PREFIX)/share/doc/schannel
	$(MAKE) -C lib O=$(BUILD)/lib uninstall
	$(MAKE) -C tools O=$(BUILD)/tools uninstall

clean:
	find net/schannel -type f \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name Module.symvers -o -name modules.order \) -delete
	rm -rf $(BUILD)

# ---- For the testbed ----------------------------------------------------

# What these targets build is for the kernel that the testbed boots. The prerequisite setup
# inherits no KDIR: it installs what finding the folder needs.
setup: export KDIR =
demo proof bench soak style layers check-% mutants-%: export KDIR = $(TEST_KDIR)

# ---- Showing ------------------------------------------------------------

demo: setup
	@GUEST=$(GUEST) tests/demo $(BUILD)

proof: setup
	$(MAKE) modules tools proof-tests
	$(PROVE) --exec '' $(TESTBED) :: xen --name proof-$(GUEST) --guest $(GUEST) --root --domu-mem 768 --timeout 1500 \
		--result $(BUILD)/proof-$(GUEST) tests/testbed/scenarios/proof.sh

bench: setup
	$(MAKE) all bench-tests
	@tests/bench/run --guest $(GUEST) $(if $(QUICK),--quick) $(BUILD) $(PARTS)

# ---- Testing ------------------------------------------------------------

# prove runs everything that reports in TAP, and shows failures with their diagnostics.
PROVE	 := prove --failures --comments
in_vm	  = $(PROVE) --exec 'tests/check-vm $(BUILD)'

# Each part is a target of this file, and can be run by itself.
quick_parts := style check-unit
check_parts := $(quick_parts) check-broker check-lib check-guest check-inet check-ctl check-xen \
	check-debug
check-full_parts := $(check_parts) check-suites check-races check-kcsan check-xen-full check-debug-full

quick check check-full: setup
	+@tests/check $(BUILD) $($@_parts)

check-unit: setup
	$(MAKE) -C tests/unit O=$(BUILD)/tests/unit check
	$(PROVE) --exec '' tests/litmus/check tests/bench/selftest

check-broker: setup
	$(MAKE) tools
	$(MAKE) -C tests/broker O=$(BUILD)/tests/broker TOOLS=$(BUILD)/tools check

check-guest: setup
	$(MAKE) modules tools guest-tests tamper-module kernel-user-module soak-tests
	$(in_vm) guest $(if $(PICK),:: '$(PICK)',soak)

check-races: setup
	$(MAKE) race-modules guest-tests
	$(in_vm) races $(if $(PICK),:: '$(PICK)')

check-inet: setup
	$(MAKE) modules lib tools guest-tests tamper-module kernel-user-module
	$(in_vm) inet $(if $(PICK),:: '$(PICK)')

# Foreign suites, each in a VM of its own; the short form, all in one.
SUITES	 := cpython liburing selftests libuv
comma	 := ,
check-suites: setup
	$(MAKE) modules lib tools suite-tests
	$(PROVE) --exec 'tests/suites/run $(BUILD)' $(subst $(comma), ,$(SUITES))

check-suites-short: setup
	$(MAKE) modules lib tools suite-tests
	$(PROVE) --exec 'tests/suites/run $(BUILD) --short' cpython,liburing,selftests,libuv

# Not part of check: whether check-inet would notice.
mutants-inet: setup
	$(MAKE) modules lib tools guest-tests tamper-module
	$(PROVE) --exec '' tests/sockets/inet-mutants :: $(BUILD) "$(ONLY)"

check-lib: setup
	$(MAKE) modules lib
	tests/libschannel/manuals lib/man lib/libschannel.map
	$(MAKE) -C tests/libschannel O=$(BUILD)/tests/libschannel LIB=$(BUILD)/lib check guest
	$(in_vm) libschannel

check-ctl: setup
	$(MAKE) modules lib tools guest-tests
	$(MAKE) -C tests/tools O=$(BUILD)/tests/tools TOOLS=$(BUILD)/tools check
	$(in_vm) ctl attach capture

check-xen: setup
	$(MAKE) all guest-tests soak-tests proof-tests hostile-tests
	@tests/check-xen $(BUILD)

check-xen-full: setup
	$(MAKE) all guest-tests soak-tests proof-tests hostile-tests
	@tests/check-xen $(BUILD) full

check-debug: setup
	$(MAKE) guest-tests soak-tests lib tools
	$(MAKE) -C tests/libschannel O=$(BUILD)/tests/libschannel LIB=$(BUILD)/lib guest
	$(MAKE) -C tests/tools O=$(BUILD)/tests/tools TOOLS=$(BUILD)/tools all
	tests/check-debug $(BUILD) $(DEBUG)

check-debug-full:
	$(MAKE) check-debug DEBUG=full

check-kcsan: setup
	$(MAKE) guest-tests soak-tests lib tools
	tests/check-debug $(BUILD) kcsan

soak: setup
	$(MAKE) all guest-tests soak-tests
	$(in_vm) soak :: $(SOAK)
	$(PROVE) --exec '' $(TESTBED) :: xen --name soak-$(GUEST) --guest $(GUEST) \
		--timeout $$(($(SOAK) + 900)) --result $(BUILD)/soak-$(GUEST) \
		tests/testbed/scenarios/soak.sh $(SOAK) 1000

# Each file of tests/style prints what it finds; tests/layers reports in TAP itself.
style: setup
	@mkdir -p $(BUILD)
	@status=0; \
	BUILD=$(BUILD) $(PROVE) --exec tests/tap/silent $(filter-out %.md,$(wildcard tests/style/*)) || status=1; \
	$(MAKE) layers || status=1; \
	exit $$status

layers: setup
	$(PROVE) --exec '' tests/layers :: --selftest $(KDIR) $(BUILD)

.PHONY: help all setup modules lib tools guest-tests tamper-module kernel-user-module race-modules generate install uninstall clean demo proof \
	quick check check-unit check-broker check-lib check-guest check-races check-inet check-suites check-suites-short mutants-inet check-ctl check-xen check-xen-full check-full check-debug check-debug-full check-kcsan soak \
	soak-tests proof-tests hostile-tests suite-tests bench bench-tests style layers
