// SPDX-License-Identifier: GPL-2.0-only
/*
 * schanneld - lets domains find each other, and only those allowed
 *
 * This file is the main loop. Events only say where to look; a round looks there,
 * and then has pairs.c make what there is into what there should be. Rounds are
 * ROUND_MS apart at least, so what any number of events costs is bounded. Every now
 * and then everything is looked at, events or not.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
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
#include "pairs.h"
#include "policy.h"

#define ROUND_MS	50
#define RETRY_MS	1000
#define SWEEP_S		60
#define TOKEN_DOMAINS	"domains"
/* Events taken before somebody else has a turn. */
#define EVENTS_AT_ONCE	1000

struct broker {
	const char *policy_path;
	struct policy *policy;
	struct domains domains;
	int signals;
	int sweep_ms;
	bool scan;		/* domains may have come or gone */
	bool all;		/* look at every pair */
	bool again;		/* not everything could be made right */
	bool events;		/* something has happened */
	bool stop;
	int64_t round_at;	/* earliest time of the next round */
	int64_t sweep_at;
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

		log_info("%s: read again", b->policy_path);
		/* The old policy's groups go with it. */
		for_each_domain(d, &b->domains) {
			d->group = NULL;
			d->changed = true;
		}
		policy_free(b->policy);
		b->policy = policy;
		domains_look_at_all(&b->domains);
		b->events = true;
		b->all = true;
	} else {
		log_error("the policy from before stays in force");
	}
	notify_state("READY=1");
}

/* Make the world right. Returns false if xenstore does not let us. */
static bool round_run(struct broker *b)
{
	int ret = 0;

	if (b->scan)
		ret = domains_scan(&b->domains, now_ms());
	if (ret < 0) {
		log_error("xenstore: %s", strerror(-ret));
		return false;
	}
	b->scan = false;
	b->events = false;

	if (domains_look(&b->domains, b->policy) || ret || b->all || b->again) {
		addresses_settle(&b->domains);
		b->again = !pairs_converge(&b->domains, b->policy, b->all);
		b->all = false;
		status(b);
	}
	b->round_at = now_ms() + (b->again ? RETRY_MS : ROUND_MS);
	if (b->again) {
		/* Perhaps somebody has just gone. */
		b->scan = true;
		b->events = true;
	}
	return true;
}

static void sweep(struct broker *b, int64_t now)
{
	domains_look_at_all(&b->domains);
	b->scan = true;
	b->all = true;
	b->events = true;
	b->sweep_at = now + b->sweep_ms;
}

/* Returns false if there will be no more. */
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

/* How long to sleep, in ms. */
static int patience(const struct broker *b, int64_t now)
{
	int64_t wait = (b->events && b->round_at < b->sweep_at ? b->round_at : b->sweep_at) - now;
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
		if (poll(fds, 2, patience(b, now_ms())) < 0 && errno != EINTR)
			err(EXIT_FAILURE, "poll");
		notify_alive();
		if (fds[1].revents)
			take_signal(b);
		if (fds[0].revents && !take_events(b)) {
			log_error("xenstored has gone");
			return false;
		}
		now = now_ms();
		if (now >= b->sweep_at)
			sweep(b, now);
		if (b->events && now >= b->round_at && !round_run(b))
			return false;
	}
	return true;
}

/* Blocked before libxenstore starts its thread, so that none goes there. */
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
		errx(EXIT_FAILURE, "there is a schanneld already");
	if (ret)
		errx(EXIT_FAILURE, "%s: %s", path, strerror(-ret));
}

static void help(FILE *to)
{
	fprintf(to, "Usage: schanneld [OPTIONS]\n\n"
		"  -p FILE     the policy (%s)\n"
		"  -l FILE     the lock of which there is one (%s)\n"
		"  -s SECONDS  how often to look at everything (%d)\n"
		"  -v          say more\n"
		"  -V          print the version\n", POLICY_FILE, INSTANCE_FILE, SWEEP_S);
}

static int sweep_parse(const char *text)
{
	char *end;
	long s = strtol(text, &end, 10);

	if (*end || end == text || s < 1 || s > 3600)
		errx(2, "-s wants seconds, from 1 to 3600");
	return s * 1000;
}

int main(int argc, char **argv)
{
	struct broker b = { .policy_path = POLICY_FILE, .sweep_ms = SWEEP_S * 1000 };
	const char *instance = INSTANCE_FILE;
	bool good;
	int letter;

	while ((letter = getopt(argc, argv, "p:l:s:vVh")) != -1) {
		switch (letter) {
		case 'p':
			b.policy_path = optarg;
			break;
		case 'l':
			instance = optarg;
			break;
		case 's':
			b.sweep_ms = sweep_parse(optarg);
			break;
		case 'v':
			log_debug_wanted();
			break;
		case 'V':
			return printf("schanneld %s\n", VERSION) < 0;
		case 'h':
			help(stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc)
		errx(2, "'%s' is too much; see schanneld -h", argv[optind]);
	setvbuf(stderr, NULL, _IOLBF, 0);

	/* Nothing is touched on behalf of a policy that cannot be read. */
	b.policy = policy_get(b.policy_path, LOG_LEVEL_ERROR);
	if (!b.policy)
		return EXIT_FAILURE;
	take_instance(instance, b.policy_path);
	b.signals = signals_open();
	b.domains.xs = store_open();

	sweep(&b, now_ms());
	good = round_run(&b);
	notify_state("READY=1");
	good = good && serve(&b);

	/* Pairs stay: channels are not the broker's to end. */
	notify_state("STOPPING=1");
	xs_close(b.domains.xs);
	free(b.domains.domain);
	policy_free(b.policy);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
