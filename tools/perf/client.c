// SPDX-License-Identifier: GPL-2.0-only
/* Clients: connect all flows, start them at the same time, and add up their results. */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "file.h"
#include "flow.h"
#include "options.h"
#include "pattern.h"
#include "report.h"

static pthread_barrier_t start;

static void flow_connect(struct flow *flow, const struct options *opt, const struct endpoint *ep)
{
	flow->client = true;
	flow->req = opt->req;
	conn_init(&flow->conn, endpoint_connect(ep, opt->timeout_s), opt->timeout_s);
	if (wire_ask(&flow->conn, &flow->req))
		errx(1, "%s", flow->conn.error);
}

/* If one flow fails, all others fail, too: only the first prints its error. */
static void *flow_thread(void *arg)
{
	static pthread_mutex_t dying = PTHREAD_MUTEX_INITIALIZER;
	struct flow *flow = arg;

	pthread_barrier_wait(&start);
	if (flow_run(flow)) {
		pthread_mutex_lock(&dying);
		errx(1, "%s", flow->conn.error);
	}
	return NULL;
}

void client_test(const struct options *opt, const char *host)
{
	struct report report = { .opt = opt, .host = host };
	const unsigned int flows = opt->req.flows;
	pthread_t thread[WIRE_FLOWS_MAX];
	struct endpoint ep;
	struct flow *flow;
	unsigned int i;

	flow = calloc(flows, sizeof(*flow));
	if (!flow)
		err(1, NULL);

	endpoint_resolve(&ep, opt->family, host, opt->port);
	for (i = 0; i < flows; i++)
		flow_connect(&flow[i], opt, &ep);

	pthread_barrier_init(&start, NULL, flows);
	for (i = 0; i < flows; i++)
		if (pthread_create(&thread[i], NULL, flow_thread, &flow[i]))
			errx(1, "cannot start %u threads", flows);

	report_init(&report);
	for (i = 0; i < flows; i++) {
		pthread_join(thread[i], NULL);
		report_add(&report, &flow[i].own, &flow[i].other, &flow[i].rtt);
		conn_close(&flow[i].conn);
	}
	free(flow);

	report_print(&report);
	if (report.client.bad != PATTERN_GOOD || report.server.bad != PATTERN_GOOD)
		errx(1, "the received data differs from the sent data");
}

void client_send(const struct options *opt, const char *path, const char *host)
{
	struct request req = { .test = TEST_FILE, .flows = 1 };
	char digest[FILE_DIGEST_TEXT];
	struct endpoint ep;
	struct conn conn;
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	if (!S_ISREG(st.st_mode))
		errx(1, "%s: not a regular file", path);
	req.length = st.st_size;

	endpoint_resolve(&ep, opt->family, host, opt->port);
	conn_init(&conn, endpoint_connect(&ep, opt->timeout_s), opt->timeout_s);
	if (wire_ask(&conn, &req) || file_send(&conn, fd, req.length, digest))
		errx(1, "%s", conn.error);

	printf("sent %ju bytes, SHA-256 %s\n", req.length, digest);
	conn_close(&conn);
	close(fd);
}
