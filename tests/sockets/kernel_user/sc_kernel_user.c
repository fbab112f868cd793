// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user of a socket in the kernel: echoes what arrives, by the callbacks of the socket alone, as
 * nfsd answers requests. It never polls. It is content with a read that returns less than it
 * asked for, and does not send while SOCK_NOSPACE is set.
 *
 *	echo 7 >/sys/module/sc_kernel_user/parameters/attach	file descriptor 7 of the writer
 *	echo 0 >/sys/module/sc_kernel_user/parameters/detach	leave the socket
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/uio.h>
#include <linux/workqueue.h>
#include <net/sock.h>

static void echo(struct work_struct *unused);

static DEFINE_MUTEX(lock);	/* attaching and detaching */
static DECLARE_WORK(work, echo);
static struct socket *sock;
static void (*old_data_ready)(struct sock *sk);
static void (*old_write_space)(struct sock *sk);
static char buffer[4096];
static int begin, end;		/* what is still to be sent of it */
static unsigned long ready;	/* bit 0: there may be something to receive */
static bool over;

static void data_ready(struct sock *sk)
{
	old_data_ready(sk);
	set_bit(0, &ready);
	queue_work(system_wq, &work);
}

static void write_space(struct sock *sk)
{
	old_write_space(sk);
	queue_work(system_wq, &work);
}

/* Send what was received. Returns whether all of it was sent. */
static bool answer(void)
{
	while (begin < end) {
		struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
		struct kvec vec = { .iov_base = buffer + begin, .iov_len = end - begin };
		int sent;

		if (test_bit(SOCK_NOSPACE, &sock->flags))
			return false;
		sent = kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
		if (sent <= 0)
			return false;
		begin += sent;
	}
	return true;
}

static void receive(void)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	int got = kernel_recvmsg(sock, &msg, &vec, 1, vec.iov_len, MSG_DONTWAIT);

	if (!got) {
		over = true;
		kernel_sock_shutdown(sock, SHUT_WR);
	}
	begin = 0;
	end = max(got, 0);
	/* less of a stream than was asked for is all there is; a record says nothing of others */
	if (sock->type == SOCK_STREAM ? end == sizeof(buffer) : end)
		set_bit(0, &ready);
}

static void echo(struct work_struct *unused)
{
	while (answer() && !over && test_and_clear_bit(0, &ready))
		receive();
}

static int attach(const char *value, const struct kernel_param *param)
{
	struct sock *sk;
	int err, fd;

	err = kstrtoint(value, 0, &fd);
	if (err)
		return err;
	mutex_lock(&lock);
	if (sock) {
		mutex_unlock(&lock);
		return -EBUSY;
	}
	sock = sockfd_lookup(fd, &err);
	if (sock) {
		begin = 0;
		end = 0;
		over = false;
		set_bit(0, &ready);
		sk = sock->sk;
		lock_sock(sk);
		old_data_ready = sk->sk_data_ready;
		old_write_space = sk->sk_write_space;
		sk->sk_data_ready = data_ready;
		sk->sk_write_space = write_space;
		release_sock(sk);
		queue_work(system_wq, &work);
		err = 0;
	}
	mutex_unlock(&lock);
	return err;
}

static int detach(const char *value, const struct kernel_param *param)
{
	mutex_lock(&lock);
	if (sock) {
		struct sock *sk = sock->sk;

		lock_sock(sk);
		sk->sk_data_ready = old_data_ready;
		sk->sk_write_space = old_write_space;
		release_sock(sk);
		/* callbacks that run on another CPU */
		synchronize_rcu();
		cancel_work_sync(&work);
		sockfd_put(sock);
		sock = NULL;
	}
	mutex_unlock(&lock);
	return 0;
}

static const struct kernel_param_ops attach_ops = { .set = attach };
static const struct kernel_param_ops detach_ops = { .set = detach };

module_param_cb(attach, &attach_ops, NULL, 0200);
module_param_cb(detach, &detach_ops, NULL, 0200);

static void __exit leave(void)
{
	detach(NULL, NULL);
}

module_exit(leave);

static int __init enter(void)
{
	return 0;
}

module_init(enter);
MODULE_DESCRIPTION("Test: a user of a socket in the kernel");
MODULE_LICENSE("GPL");
