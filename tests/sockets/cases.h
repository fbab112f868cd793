/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of cases, each in cases/NAME.c. */
#ifndef CASES_H
#define CASES_H

#include "case.h"

extern const struct test_case socket_cases[];
extern const struct test_case bind_cases[];
extern const struct test_case service_cases[];
extern const struct test_case listen_cases[];
extern const struct test_case accept_cases[];
extern const struct test_case connect_cases[];
extern const struct test_case connect_wait_cases[];
extern const struct test_case name_cases[];
extern const struct test_case transfer_cases[];
extern const struct test_case flags_cases[];
extern const struct test_case vector_cases[];
extern const struct test_case fault_cases[];
extern const struct test_case poll_cases[];
extern const struct test_case epoll_cases[];
extern const struct test_case shutdown_cases[];
extern const struct test_case close_cases[];
extern const struct test_case linger_cases[];
extern const struct test_case options_cases[];
extern const struct test_case ioctl_cases[];
extern const struct test_case signal_cases[];
extern const struct test_case process_cases[];
extern const struct test_case half_close_cases[];
extern const struct test_case race_cases[];
extern const struct test_case splice_cases[];
extern const struct test_case uring_cases[];
extern const struct test_case slow_page_cases[];
extern const struct test_case slow_option_cases[];
extern const struct test_case sockopt_cases[];
extern const struct test_case sysctl_cases[];
extern const struct test_case netns_cases[];
extern const struct test_case load_cases[];
extern const struct test_case spin_cases[];
extern const struct test_case elastic_cases[];
extern const struct test_case inet_connect_cases[];
extern const struct test_case inet_listen_cases[];
extern const struct test_case inet_option_cases[];
extern const struct test_case inet_data_cases[];
extern const struct test_case inet_end_cases[];
extern const struct test_case inet_wire_cases[];
extern const struct test_case inet_decline_cases[];
extern const struct test_case inet_late_cases[];
extern const struct test_case record_cases[];
extern const struct test_case seqpacket_cases[];
extern const struct test_case seqpacket_wait_cases[];
extern const struct test_case seqpacket_load_cases[];
extern const struct test_case dgram_cases[];
extern const struct test_case dgram_port_cases[];
extern const struct test_case dgram_full_cases[];
extern const struct test_case dgram_load_cases[];

#endif
