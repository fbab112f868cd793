// SPDX-License-Identifier: GPL-2.0-only
/* Servers: a thread per flow; files one after the other. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "flow.h"
#include "options.h"
#include "pattern.h"
#include "server.h"

/* A connection and the thread that serves it. */
struct session {
	struct flow flow;
	char peer[ENDPOINT_TEXT];
	pthread_t thread;
	int ret;
};

static int server_listen(const struct options *opt)
{
	char text[ENDPOINT_TEXT];
	struct endpoint ep;
	int listener;

	endpoint_resolve(&ep, opt->family, opt->bind, opt->port);
	listener = endpoint_listen(&ep, text);
	printf("listening on %s\n", text);
	fflush(stdout);
	return listener;
}

static struct session *session_accept(const struct options *opt, int listener,
				      unsigned int timeout_s)
{
	struct session *session = calloc(1, sizeof(*session));
	int fd;

	if (!session)
		err(1, NULL);
	fd = endpoint_accept(listener, timeout_s, session->peer);
	conn_init(&session->flow.conn, fd, opt->timeout_s);
	return session;
}

static int session_answer(struct session *session)
{
	return wire_answer(&session->flow.conn, &session->flow.req, false);
}

static int session_run(struct session *session)
{
	struct flow *flow = &session->flow;

	if (flow_run(flow))
		return -1;
	if (flow->own.bad != PATTERN_GOOD)
		return conn_fail(&flow->conn, "wrong data from byte %ju on",
				 flow->own.bad);
	return 0;
}

static int session_end(struct session *session, int ret)
{
	if (ret)
		warnx("%s: %s", session->peer, session->flow.conn.error);
	conn_close(&session->flow.conn);
	return ret;
}

static void *session_thread(void *arg)
{
	struct session *session = arg;

	session_end(session, session_answer(session) || session_run(session));
	free(session);
	return NULL;
}

/* The thread of a flow with --once; its request was answered already. */
static void *once_thread(void *arg)
{
	struct session *session = arg;

	session->ret = session_end(session, session_run(session));
	return NULL;
}

/* The request of the first flow tells how many flows the test has. */
static int serve_once(const struct options *opt, int listener)
{
	struct session *session[WIRE_FLOWS_MAX];
	unsigned int i, flows = 1;
	int ret = 0;

	for (i = 0; i < flows; i++) {
		session[i] = session_accept(opt, listener, i ? opt->timeout_s : 0);
		if (session_answer(session[i])) {
			session_end(session[i], -1);
			return 1;
		}
		if (!i)
			flows = session[i]->flow.req.flows;
		if (pthread_create(&session[i]->thread, NULL, once_thread, session[i]))
			errx(1, "cannot start %u threads", flows);
	}
	for (i = 0; i < flows; i++) {
		pthread_join(session[i]->thread, NULL);
		if (session[i]->ret)
			ret = 1;
		free(session[i]);
	}
	return ret;
}

int server_test(const struct options *opt)
{
	int listener = server_listen(opt);
	struct session *session;
	pthread_attr_t attr;

	if (opt->once)
		return serve_once(opt, listener);

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (;;) {
		session = session_accept(opt, listener, 0);
		if (pthread_create(&session->thread, &attr, session_thread, session)) {
			conn_fail(&session->flow.conn, "cannot start a thread");
			session_end(session, -1);
			free(session);
		}
	}
}

static int receive_one(struct conn *conn, const char *path)
{
	char digest[FILE_DIGEST_TEXT];
	struct request req;
	int fd, ret;

	if (wire_answer(conn, &req, true))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return conn_fail(conn, "%s: %s", path, strerror(errno));

	ret = file_receive(conn, fd, req.length, digest);
	/* Some file systems report a full disk only at close(). */
	if (close(fd) && !ret)
		ret = conn_fail(conn, "%s: %s", path, strerror(errno));
	if (ret)
		return -1;
	printf("received %ju bytes, SHA-256 %s\n", req.length, digest);
	fflush(stdout);
	return 0;
}

int server_receive(const struct options *opt, const char *path)
{
	int listener = server_listen(opt);
	char peer[ENDPOINT_TEXT];
	struct conn conn;
	int ret;

	do {
		conn_init(&conn, endpoint_accept(listener, 0, peer), opt->timeout_s);
		ret = receive_one(&conn, path);
		if (ret)
			warnx("%s: %s", peer, conn.error);
		conn_close(&conn);
	} while (!opt->once);
	return ret ? 1 : 0;
}
