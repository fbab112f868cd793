// SPDX-License-Identifier: GPL-2.0-only
/*
 * schanneld - gives channels to those domains that the policy lets reach each other
 *
 * This file is the main loop. An event only marks what to read again. A round reads that,
 * and then pairs.c creates, updates and removes pairs in xenstore. Rounds are at least
 * ROUND_MS apart, so that the cost of any number of events is bounded. A full scan at a
 * regular interval finds what no event reported.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "addresses.h"
#include "domains.h"
#include "instance.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "pairs.h"
#include "policy.h"

#define ROUND_MS	50
#define RETRY_MS	1000
#define TOKEN_DOMAINS	"domains"
/* The most events that are handled before signals and the watchdog are looked at again. */
#define EVENTS_AT_ONCE	1000

struct broker {
	const char *policy_path;
	struct policy *policy;
	struct domains domains;
	int signals;
	int scan_ms;		/* time between two full scans */
	bool scan;		/* domains may have been created or destroyed */
	bool all;		/* check every pair, also of unchanged domains */
	bool retry;		/* the last round could not update every pair */
	bool events;		/* there is work for a round */
	bool stop;
	int64_t round_at;	/* earliest time of the next round */
	int64_t scan_at;	/* time of the next full scan */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static struct policy *policy_get(const char *path, int level)
{
	struct policy_problem problem;
	struct policy *policy = policy_load(path, &problem);

	if (policy)
		return policy;
	if (problem.line)
		log_line(level, "%s:%u: %s", path, problem.line, problem.reason);
	else
		log_line(level, "%s: %s", path, problem.reason);
	return NULL;
}

static void status(const struct broker *b)
{
	notify_status("%zu domains", b->domains.count);
}

static void reload(struct broker *b)
{
	struct policy *policy;

	notify_state("RELOADING=1");
	policy = policy_get(b->policy_path, LOG_LEVEL_ERROR);
	if (policy) {
		struct domain *d;

		log_info("%s: policy reloaded", b->policy_path);
		/* The groups are freed with the old policy. */
		for_each_domain(d, &b->domains) {
			d->group = NULL;
			d->changed = true;
		}
		policy_free(b->policy);
		b->policy = policy;
		domains_refresh_all(&b->domains);
		b->events = true;
		b->all = true;
	} else {
		log_error("%s: invalid policy, the previous one stays in force", b->policy_path);
	}
	notify_state("READY=1");
}

/* Update all pairs. Returns false if the domains cannot be read from xenstore. */
static bool round_run(struct broker *b)
{
	int ret = 0;

	if (b->scan)
		ret = domains_scan(&b->domains, now_ms());
	if (ret < 0) {
		log_error("cannot read the domains from xenstore, exiting: %s", strerror(-ret));
		return false;
	}
	b->scan = false;
	b->events = false;

	if (domains_refresh(&b->domains, b->policy) || ret || b->all || b->retry) {
		addresses_assign(&b->domains);
		b->retry = !pairs_converge(&b->domains, b->policy, b->all);
		b->all = false;
		status(b);
	}
	b->round_at = now_ms() + (b->retry ? RETRY_MS : ROUND_MS);
	if (b->retry) {
		/* A domain that was just destroyed is a likely reason. */
		b->scan = true;
		b->events = true;
	}
	return true;
}

static void full_scan(struct broker *b, int64_t now)
{
	domains_refresh_all(&b->domains);
	b->scan = true;
	b->all = true;
	b->events = true;
	b->scan_at = now + b->scan_ms;
}

/* Returns false if the connection to xenstored is lost. */
static bool take_events(struct broker *b)
{
	unsigned int i;
	char **event;

	for (i = 0; i < EVENTS_AT_ONCE; i++) {
		event = xs_check_watch(b->domains.xs);
		if (!event)
			return errno == EAGAIN;
		b->events = true;
		if (!strcmp(event[XS_WATCH_TOKEN], TOKEN_DOMAINS))
			b->scan = true;
		else
			domains_event(&b->domains, event[XS_WATCH_TOKEN], now_ms());
		free(event);
	}
	return true;
}

static void take_signal(struct broker *b)
{
	struct signalfd_siginfo info;

	if (read(b->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(b);
	else
		b->stop = true;
}

/* How long the main loop may sleep, in ms. */
static int poll_timeout(const struct broker *b, int64_t now)
{
	int64_t wait = (b->events && b->round_at < b->scan_at ? b->round_at : b->scan_at) - now;
	int alive = notify_interval();

	if (alive >= 0 && alive < wait)
		wait = alive;
	return wait > 0 ? (int)wait : 0;
}

static bool serve(struct broker *b)
{
	struct pollfd fds[] = {
		{ .fd = xs_fileno(b->domains.xs), .events = POLLIN },
		{ .fd = b->signals, .events = POLLIN },
	};
	int64_t now;

	while (!b->stop) {
		if (poll(fds, 2, poll_timeout(b, now_ms())) < 0 && errno != EINTR)
			err(EXIT_FAILURE, "poll");
		notify_alive();
		if (fds[1].revents)
			take_signal(b);
		if (fds[0].revents && !take_events(b)) {
			log_error("connection to xenstored lost, exiting");
			return false;
		}
		now = now_ms();
		if (now >= b->scan_at)
			full_scan(b, now);
		if (b->events && now >= b->round_at && !round_run(b))
			return false;
	}
	return true;
}

/*
 * Called before libxenstore starts its thread, which inherits the blocked signals and so
 * never receives one.
 */
static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		err(EXIT_FAILURE, "signalfd");
	return fd;
}

static struct xs_handle *store_open(void)
{
	struct xs_handle *xs = xs_open(XS_UNWATCH_FILTER);

	if (!xs)
		err(EXIT_FAILURE, "cannot reach xenstored");
	if (!xs_watch(xs, "@introduceDomain", TOKEN_DOMAINS) ||
	    !xs_watch(xs, "@releaseDomain", TOKEN_DOMAINS))
		err(EXIT_FAILURE, "xenstore");
	return xs;
}

static void take_instance(const char *path, const char *policy)
{
	int ret = instance_take(path, policy);

	if (ret == -EBUSY)
		errx(EXIT_FAILURE, "another schanneld is running (lock %s)", path);
	if (ret)
		errx(EXIT_FAILURE, "%s: %s", path, strerror(-ret));
}

int main(int argc, char **argv)
{
	struct broker b = { 0 };
	struct options options;
	bool good;

	options_parse(&options, argc, argv);
	b.policy_path = options.policy;
	b.scan_ms = options.scan_ms;
	setvbuf(stderr, NULL, _IOLBF, 0);

	/* Without a valid policy, nothing in xenstore is changed. */
	b.policy = policy_get(b.policy_path, LOG_LEVEL_ERROR);
	if (!b.policy)
		return EXIT_FAILURE;
	take_instance(options.lock, b.policy_path);
	b.signals = signals_open();
	b.domains.xs = store_open();

	full_scan(&b, now_ms());
	good = round_run(&b);
	notify_state("READY=1");
	good = good && serve(&b);

	/* The pairs stay, so channels outlive schanneld. */
	notify_state("STOPPING=1");
	xs_close(b.domains.xs);
	free(b.domains.domain);
	policy_free(b.policy);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
