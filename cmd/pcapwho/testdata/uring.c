/* A server that accepts, receives, sends and closes by io_uring alone: uring N prints its
 * port, and returns what comes on each of N connections, one after the other. Uses go to
 * the file that USES names (uses.py). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct io_uring ring;
static int log_file;

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what, int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-result));
	exit(1);
}

/* finish submits what was prepared, and waits for its result. */
static int finish(const char *what)
{
	struct io_uring_cqe *done;
	fail("submit", io_uring_submit_and_wait(&ring, 1));
	fail("wait", io_uring_wait_cqe(&ring, &done));
	int result = done->res;
	io_uring_cqe_seen(&ring, done);
	fail(what, result);
	return result;
}

/* note writes down a use of a connection. of is the socket whose cookie counts. */
static void note(int of, int connection, int64_t begin, const char *verb)
{
	struct sockaddr_in a[2];
	socklen_t size = sizeof(a[0]);
	char text[2][32], line[256];
	uint64_t cookie;
	getsockname(connection, (void *)&a[0], &size);
	getpeername(connection, (void *)&a[1], &size);
	for (int i = 0; i < 2; i++)
		snprintf(text[i], sizeof(text[i]), "%s:%d", inet_ntoa(a[i].sin_addr), ntohs(a[i].sin_port));
	size = sizeof(cookie);
	getsockopt(of, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	int n = snprintf(line, sizeof(line), "%d %llu %lld %lld %s tcp %s %s\n", getpid(), (unsigned long long)cookie,
		(long long)begin, (long long)now(), verb, text[0], text[1]);
	if (write(log_file, line, n) != n)
		fail("write", -1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(here);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s, (void *)&here, size) || listen(s, 100) || getsockname(s, (void *)&here, &size))
		fail("listen", -1);
	log_file = open(getenv("USES"), O_WRONLY | O_CREAT | O_APPEND, 0644);
	fail("io_uring", io_uring_queue_init(4, &ring, 0));
	printf("%d\n", ntohs(here.sin_port));
	fflush(stdout);
	for (int n = atoi(argv[argc - 1]); n > 0; n--) {
		char data[1000];
		int64_t begin = now();
		io_uring_prep_accept(io_uring_get_sqe(&ring), s, NULL, NULL, 0);
		int c = finish("accept"), got;
		note(s, c, begin, "accept");
		do {
			begin = now();
			io_uring_prep_recv(io_uring_get_sqe(&ring), c, data, sizeof(data), 0);
			got = finish("receive");
			note(c, c, begin, "receive");
			if (got > 0) {
				begin = now();
				io_uring_prep_send(io_uring_get_sqe(&ring), c, data, got, 0);
				finish("send");
				note(c, c, begin, "send");
			}
		} while (got > 0);
		io_uring_prep_close(io_uring_get_sqe(&ring), c);
		finish("close");
	}
	return 0;
}
