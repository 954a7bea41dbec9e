//go:build ignore

// Programs that the kernel runs when a socket or a process changes. Each writes
// an event into one ring, which Hooks reads; doc.go says what they are. The
// helpers that read kernel memory are for programs under the GPL only.

#include "kernel.h"

char terms[] section("license") = "Dual MIT/GPL";

enum { INET = 2, INET6 = 10, ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, MPTCP = 262 };
enum { RAW = 3 }; // SOCK_RAW (linux/net.h)
enum { ESTABLISHED = 1, SYN_SENT = 2, FIN_WAIT1 = 4, CLOSE = 7, LAST_ACK = 9, LISTEN = 10 }; // net/tcp_states.h

// Kinds of events, as in event.go.
enum { STATE = 1, USE, CONNECT, BIND, PEER, RELEASE, HELD, EXEC, FORK, EXIT, RENAME, CREATE };

// Directions of a use.
enum { SENT = 1, RECEIVED = 2 };

struct identity {
	u64 start; // nanoseconds since boot
	s32 pid;   // in the recorder's PID namespace; 0 = it is not there, or nobody
	u32 uid;
};

// A socket event, and the beginning of all others.
struct event {
	u64 time;   // nanoseconds since boot
	u64 cookie;
	u64 former; // when the user before this one used the socket last; 0 = there was none
	u64 inode;
	struct identity user; // of the socket, or the process itself
	u32 netns;
	s32 device;
	u16 local_port, remote_port;
	u8 kind, family, protocol, v6only;
	u8 before, state, direction, type, unused[4];
	u32 local[4], remote[4];
};

// The end of a TCP socket.
struct closing {
	struct event event;
	u64 sent, received; // bytes of payload, each once
	u32 retransmits, rtt; // microseconds
};

enum { MAX_ARGS = 4096, MAX_PATH = 256 };

struct process {
	struct event event;
	struct identity parent;
	char name[16];
	char path[MAX_PATH];
	u32 length; // of args
	char args[MAX_ARGS];
};

struct {
	number_of(type, MAP_RINGBUF);
	number_of(max_entries, 16 << 20);
} events section(".maps");

u64 lost; // events that found no room

// Who used a socket last.
struct last {
	u64 start, time;
	u32 tgid, endpoints;
};
struct {
	number_of(type, MAP_SK_STORAGE);
	number_of(map_flags, NO_PREALLOC);
	type_of(key, int);
	type_of(value, struct last);
} users section(".maps");

// The same by cookie, for programs that may not use the storage of a socket.
struct {
	number_of(type, MAP_LRU_HASH);
	number_of(max_entries, 1 << 14);
	type_of(key, u64);
	type_of(value, struct last);
} users_by_cookie section(".maps");

// Which socket each thread is about to send or receive through.
struct {
	number_of(type, MAP_LRU_HASH);
	number_of(max_entries, 1 << 14);
	type_of(key, u64);
	type_of(value, struct sock *);
} calls section(".maps");

// By thread, the cookie of the socket through which it is about to receive a
// datagram, if it asked from whom.
struct {
	number_of(type, MAP_LRU_HASH);
	number_of(max_entries, 1 << 14);
	type_of(key, u64);
	type_of(value, u64);
} asking section(".maps");

// Which processes exchanged with which peers through UDP sockets, as far as they
// are remembered. No port: with peers that they did not ask for.
struct exchange {
	u64 cookie, start; // of the socket, of the process
	u32 remote[4];
	u32 tgid;
	u16 port;
	u8 direction, unused;
};
struct {
	number_of(type, MAP_LRU_HASH);
	number_of(max_entries, 1 << 15);
	type_of(key, struct exchange);
	type_of(value, u8);
} exchanges section(".maps");

const volatile u32 pid_namespace; // inode number of the recorder's
enum { INITIAL = 0xEFFFFFFC };    // of that which all processes are in: PROC_PID_INIT_INO (linux/proc_ns.h)

inlined void *reserve(u32 size)
{
	void *room = ring_reserve(&events, size, 0);
	if (!room)
		__sync_fetch_and_add(&lost, 1);
	return room;
}

// pid_of returns the PID of a process in the recorder's namespace: one of the
// levels of namespaces that it is in.
inlined s32 pid_of(struct task_struct *t)
{
	if (pid_namespace == INITIAL)
		return t->tgid;
	struct pid *p = t->signal->pids[1]; // PIDTYPE_TGID
	u32 levels = get(p->level);
	for (u32 n = 0; n < 8 && n <= levels; n++) {
		struct upid *u = (void *)&p->numbers[0] + n * sizeof(struct upid);
		struct pid_namespace *ns = get(u->ns);
		if (get(ns->ns.inum) == pid_namespace)
			return get(u->nr);
	}
	return 0;
}

// worker tells whether a task is one of those that do the kernel's work for whoever
// left it: what it sends (for a map of sockets), receives or closes (descriptors that
// were on their way between processes) says nothing of a process.
inlined bool worker(struct task_struct *t)
{
	enum { PF_WQ_WORKER = 0x20 }; // linux/sched.h
	return t->flags & PF_WQ_WORKER;
}

inlined void identify(struct identity *i, struct task_struct *t)
{
	if (worker(t))
		return;
	i->start = t->group_leader->start_boottime;
	i->pid = pid_of(t);
	i->uid = t->real_cred->uid.val;
}

inlined bool internet(struct sock *sk, bool known)
{
	u16 family = read(known, sk->__sk_common.skc_family);
	return family == INET || family == INET6;
}

// describe writes all but time, kind and user.
inlined void describe(struct event *e, struct sock *sk, bool known)
{
	struct sock_common *c = &sk->__sk_common;
	struct net *net = read(known, c->skc_net.net);
	e->netns = read(known, net->ns.inum);
	e->family = read(known, c->skc_family);
	e->protocol = read(known, sk->sk_protocol);
	e->type = read(known, sk->sk_type);
	e->state = read(known, c->skc_state);
	e->device = read(known, c->skc_bound_dev_if);
	e->local_port = __builtin_bswap16(get(((struct inet_sock *)sk)->inet_sport));
	if (!e->local_port)
		e->local_port = read(known, c->skc_num);
	e->remote_port = __builtin_bswap16(read(known, c->skc_dport));
	if (e->family == INET) {
		e->local[0] = read(known, c->skc_rcv_saddr);
		e->remote[0] = read(known, c->skc_daddr);
	} else {
		read_kernel(e->local, 16, &c->skc_v6_rcv_saddr);
		read_kernel(e->remote, 16, &c->skc_v6_daddr);
		e->v6only = get_bits(sk, __sk_common.skc_ipv6only);
	}
	struct socket *s = read(known, sk->sk_socket);
	if (!s)
		return;
	struct file *f = read(known, s->file);
	if (!f)
		return;
	struct inode *i = read(known, f->f_inode);
	e->inode = read(known, i->i_ino);
}

inlined void clear(struct event *e, u8 kind)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->time = boot_time();
}

inlined struct event *begin(u8 kind)
{
	struct event *e = reserve(sizeof(*e));
	if (e)
		clear(e, kind);
	return e;
}

inlined void end(void *e) { ring_submit(e, RING_NO_WAKEUP); }

/* Sockets */

// kernel_thread tells whether what runs is no process: what it does to a socket,
// it does for another.
inlined bool kernel_thread(void)
{
	enum { PF_KTHREAD = 0x00200000 }; // linux/sched.h
	return current_task()->flags & PF_KTHREAD;
}

inlined void count(struct closing *c, struct sock *sk)
{
	struct tcp_sock *t = (void *)sk;
	c->sent = get(t->bytes_sent) - get(t->bytes_retrans);
	c->received = get(t->bytes_received);
	c->retransmits = get(t->total_retrans);
	c->rtt = get(t->srtt_us) >> 3;
}

// forget has the next use of a socket told, whoever makes it: it connects anew. l is what
// the storage of the socket has.
inlined void forget(struct last *l, u64 cookie)
{
	if (!l)
		l = map_lookup(&users_by_cookie, &cookie);
	if (l)
		l->start = 0;
}

// A TCP socket changes its state. Often the network does that, while any process
// happens to run: the process counts for the states that only a system call on
// the socket makes. Those of a connection of MPTCP the kernel makes itself, later.
section("tp_btf/inet_sock_set_state") int socket_state(u64 *args)
{
	struct sock *sk = (void *)args[0];
	u8 before = args[1], state = args[2];
	if (sk->sk_protocol != TCP)
		return 0;
	bool opens = state == SYN_SENT || state == LISTEN || state == ESTABLISHED;
	bool closes = state == FIN_WAIT1 || state == LAST_ACK;
	bool called = state == SYN_SENT || state == LISTEN || closes;
	if (!opens && !called && state != CLOSE)
		return 0;
	struct event *e;
	if (state == CLOSE) {
		struct closing *c = reserve(sizeof(*c));
		if (!c)
			return 0;
		clear(&c->event, STATE);
		count(c, sk);
		e = &c->event;
	} else {
		e = begin(STATE);
		if (!e)
			return 0;
	}
	describe(e, sk, 1);
	e->cookie = socket_cookie(sk);
	e->before = before;
	e->state = state;
	struct tcp_sock *t = (void *)sk;
	bool part = has_field(t->is_mptcp) && get_bits(t, is_mptcp);
	if (called && !(part && (closes || kernel_thread())))
		identify(&e->user, current_task());
	if (state == SYN_SENT)
		forget(storage_get(&users, sk, 0, 0), e->cookie);
	end(e);
	return 0;
}

// endpoints_of tells one peer of a socket from the next, mostly.
inlined u32 endpoints_of(struct sock *sk, bool known)
{
	struct sock_common *c = &sk->__sk_common;
	u32 word = read(known, c->skc_daddr);
	if (read(known, c->skc_family) == INET6) {
		u32 *a = (void *)&c->skc_v6_daddr;
		word = read(known, a[0]) ^ read(known, a[1]) * 3 ^ read(known, a[2]) * 5 ^ read(known, a[3]) * 7;
	}
	return word ^ (u32)read(known, c->skc_dport) << 16 ^ read(known, c->skc_num);
}

// A walk over the connections of a multipath TCP socket, at most MAX_PATHS.
enum { MAX_PATHS = 8 };
struct walk { struct list_head *head, *at; };

inlined struct walk walk(struct sock *sk)
{
	struct mptcp_sock *m = (void *)sk;
	struct walk w = {};
	if (has_type(struct mptcp_sock)) {
		w.head = (void *)m + __builtin_preserve_field_info(m->conn_list, OFFSET);
		w.at = get(w.head->next);
	}
	return w;
}

inlined struct sock *next(struct walk *w)
{
	if (w->at == w->head || !has_type(struct mptcp_subflow_context))
		return 0;
	struct mptcp_subflow_context *c = 0;
	c = (void *)w->at - __builtin_preserve_field_info(c->node, OFFSET);
	w->at = get(w->at->next);
	return get(c->tcp_sock);
}

inlined u64 cookie_of(struct sock *sk) { return get(sk->__sk_common.skc_cookie.counter); }

// each_path tells of every connection of a multipath TCP socket what else would
// be told of the socket. It is said of the inode that the process has.
shared void each_path(struct sock *sk, u8 kind, u8 direction, u64 now, u64 former)
{
	struct walk w = walk(sk);
#pragma clang loop unroll(disable)
	for (int n = 0; n < MAX_PATHS; n++) {
		struct sock *path = next(&w);
		if (!path)
			return;
		struct event *e = begin(kind);
		if (!e)
			return;
		describe(e, sk, 0);
		describe(e, path, 0);
		e->cookie = cookie_of(path);
		e->time = now;
		e->former = former;
		e->direction = direction;
		identify(&e->user, current_task());
		end(e);
	}
}

// used tells that a process sent or received: when another one did before, or
// when the socket's endpoints are new, which for a multipath one are those of its
// connections. l is who did before. Most of all calls end at its third return: this is
// what a recording costs each of them.
inlined int used(struct sock *sk, bool known, struct last *l, bool paths, u8 direction)
{
	struct task_struct *t = current_task();
	u64 start = t->group_leader->start_boottime, now = boot_time(), former = l->time;
	u32 tgid = t->tgid, endpoints = endpoints_of(sk, known);
	if (paths) {
		struct walk w = walk(sk);
#pragma clang loop unroll(disable)
		for (int n = 0; n < MAX_PATHS; n++) {
			struct sock *path = next(&w);
			if (!path)
				break;
			endpoints = endpoints * 31 ^ endpoints_of(path, 0);
		}
	}
	l->time = now;
	if (l->start == start && l->tgid == tgid && l->endpoints == endpoints)
		return 0;
	l->start = start;
	l->tgid = tgid;
	l->endpoints = endpoints;
	if (paths) {
		each_path(sk, USE, direction, now, former);
		return 0;
	}
	struct event *e = begin(USE);
	if (!e)
		return 0;
	describe(e, sk, known);
	e->cookie = known ? socket_cookie(sk) : cookie_of(sk);
	e->time = now;
	e->former = former;
	e->direction = direction;
	identify(&e->user, t);
	end(e);
	return 0;
}

// told tells whether a socket is told of, whose protocol and type are given. A raw one
// of TCP or UDP has no port of its own.
inlined bool told(u16 protocol, u16 type)
{
	bool ports = protocol == TCP || protocol == UDP || protocol == MPTCP;
	return type == RAW ? !ports : ports || protocol == ICMP || protocol == ICMPV6;
}

// first tells whether an exchange is new, for the time being.
inlined bool first(struct exchange *x)
{
	u8 yes = 1;
	struct task_struct *t = current_task();
	x->start = t->group_leader->start_boottime;
	x->tgid = t->tgid;
	if (map_lookup(&exchanges, x))
		return 0;
	map_update(&exchanges, x, &yes, 0);
	return 1;
}

// nameless tells of a process that received from it is not told whom: it did
// not ask.
inlined void nameless(struct sock *sk, bool known, u64 cookie)
{
	if (read(known, sk->__sk_common.skc_dport))
		return; // there is one peer
	u64 thread = current_ids();
	u64 *asked = map_lookup(&asking, &thread);
	if (asked && *asked == cookie) {
		*asked = 0;
		return;
	}
	struct exchange x = { .cookie = cookie, .direction = RECEIVED };
	if (!first(&x))
		return;
	struct event *e = begin(PEER);
	if (!e)
		return;
	describe(e, sk, known);
	e->cookie = cookie;
	e->direction = RECEIVED;
	identify(&e->user, current_task());
	end(e);
}

shared int use(struct sock *sk, u8 direction)
{
	if (!internet(sk, 1) || worker(current_task()))
		return 0;
	u16 protocol = sk->sk_protocol;
	if (!told(protocol, sk->sk_type))
		return 0;
	struct last *l = storage_get(&users, sk, 0, STORAGE_CREATE);
	if (!l)
		return 0;
	if (protocol == UDP && direction == RECEIVED)
		nameless(sk, 1, socket_cookie(sk));
	return used(sk, 1, l, protocol == MPTCP, direction);
}

// The kernel calls these behind each call that sends or receives, with what that
// returned. Of a look at what waits (MSG_PEEK) it says 0.
section("tp_btf/sock_send_length") int socket_send(u64 *args)
{
	return (int)args[1] < 0 ? 0 : use((void *)args[0], SENT);
}

section("tp_btf/sock_recv_length") int socket_receive(u64 *args)
{
	return (int)args[1] < 0 ? 0 : use((void *)args[0], RECEIVED);
}

// What a process takes out of a TCP socket, by splice(2) too: the network holds no
// lock that is a process's.
section("tp_btf/tcp_rcv_space_adjust") int socket_taken(u64 *args)
{
	struct sock *sk = (void *)args[0];
	return sk->sk_lock.owned && sk->sk_protocol == TCP && !kernel_thread() ? use(sk, RECEIVED) : 0;
}

// Before Linux 6.3 there are no such tracepoints: the functions themselves are
// followed. The argument behind the last is what they return.
#define behind(function, arguments, direction) \
	section("fexit/" #function) int behind_##function(u64 *args) \
	{ \
		struct socket *s = (void *)args[0]; \
		struct sock *sk = s->sk; \
		return (s32)args[arguments] < 0 || !sk ? 0 : use(sk, direction); \
	}
behind(inet_sendmsg, 3, SENT)
behind(inet6_sendmsg, 3, SENT)
behind(inet_sendpage, 5, SENT)
behind(inet_recvmsg, 4, RECEIVED)
behind(inet6_recvmsg, 4, RECEIVED)
behind(tcp_splice_read, 5, RECEIVED)

// Where they cannot be followed so, kprobes can: at the call, and when it
// returns. These know sockets by the cookies that the other programs asked for.
section("kprobe/called") int probe_call(void *registers)
{
	struct socket *s;
	struct pt_regs___x86 *x86 = registers;
	struct pt_regs___arm *arm = registers;
	if (has_field(x86->di))
		s = (void *)get(x86->di);
	else if (has_field(arm->regs))
		s = (void *)get(arm->regs[0]);
	else
		return 0;
	u64 thread = current_ids();
	struct sock *sk = get(s->sk);
	map_update(&calls, &thread, &sk, 0);
	return 0;
}

inlined struct last *user_by_cookie(u64 cookie)
{
	struct last none = {};
	struct last *l = map_lookup(&users_by_cookie, &cookie);
	if (l)
		return l;
	map_update(&users_by_cookie, &cookie, &none, KEEP_NEW);
	return map_lookup(&users_by_cookie, &cookie);
}

inlined int returned(void *registers, u8 direction)
{
	u64 thread = current_ids();
	struct sock **found = map_lookup(&calls, &thread);
	if (!found)
		return 0;
	struct sock *sk = *found;
	map_delete(&calls, &thread);
	struct pt_regs___x86 *x86 = registers;
	struct pt_regs___arm *arm = registers;
	int result = has_field(x86->ax) ? get(x86->ax) : has_field(arm->regs) ? get(arm->regs[0]) : -1;
	if (result < 0 || !sk || !internet(sk, 0) || worker(current_task()))
		return 0;
	u16 protocol = get(sk->sk_protocol);
	u64 cookie = cookie_of(sk);
	u64 key = cookie ? cookie : (u64)sk;
	if (!told(protocol, get(sk->sk_type)) || (!cookie && protocol != MPTCP))
		return 0;
	struct last *l = user_by_cookie(key);
	if (!l)
		return 0;
	if (protocol == UDP && direction == RECEIVED)
		nameless(sk, 0, cookie);
	return used(sk, 0, l, protocol == MPTCP, direction);
}

section("kretprobe/sent") int probe_sent(void *registers) { return returned(registers, SENT); }
section("kretprobe/received") int probe_received(void *registers) { return returned(registers, RECEIVED); }

/* Control groups: these run in the system call, before it has an effect. */

inlined struct event *begin_call(u8 kind, struct sock *sk, void *context)
{
	struct event *e = begin(kind);
	if (!e)
		return 0;
	describe(e, sk, 0);
	e->cookie = socket_cookie(context);
	identify(&e->user, current_task());
	return e;
}

inlined void copy6(u32 *to, volatile u32 *from)
{
	u32 a = from[0], b = from[1], c = from[2], d = from[3]; // one word at a time, as the verifier wants it
	to[0] = a, to[1] = b, to[2] = c, to[3] = d;
}

// toward writes the remote end that a call names, IPv4 as IPv6 has it where
// the socket is of IPv6.
inlined void toward(u32 *remote, struct bpf_sock_addr *c, bool v4, u8 family)
{
	if (!v4) {
		copy6(remote, c->user_ip6);
	} else if (family == INET) {
		remote[0] = c->user_ip4;
	} else {
		remote[2] = 0xffff0000;
		remote[3] = c->user_ip4;
	}
}

inlined struct sock *socket_in(struct bpf_sock_addr *c)
{
	struct bpf_sock_addr_kern *k = (void *)c; // what it is in the kernel
	return get(k->sk);
}

// connecting is about UDP: TCP tells by its state.
inlined int connecting(struct bpf_sock_addr *c, bool v4)
{
	if (c->protocol != UDP || c->type == RAW)
		return 1;
	if (c->sk)
		forget(storage_get(&users, c->sk, 0, 0), socket_cookie(c));
	struct event *e = begin_call(CONNECT, socket_in(c), c);
	if (!e)
		return 1;
	__builtin_memset(e->remote, 0, sizeof(e->remote));
	toward(e->remote, c, v4, e->family);
	e->remote_port = __builtin_bswap16(c->user_port);
	end(e);
	return 1;
}

section("cgroup/connect4") int connect4(struct bpf_sock_addr *c) { return connecting(c, 1); }
section("cgroup/connect6") int connect6(struct bpf_sock_addr *c) { return connecting(c, 0); }

// exchanged is about UDP sockets that name a peer with each datagram; it tells of
// each process, peer and direction once as long as it is remembered.
inlined int exchanged(struct bpf_sock_addr *c, bool v4, u8 direction)
{
	if (c->protocol != UDP)
		return 1;
	struct sock *sk = socket_in(c);
	u64 cookie = socket_cookie(c);
	if (direction == RECEIVED && !get(sk->__sk_common.skc_dport)) {
		u64 thread = current_ids();
		u64 *asked = map_lookup(&asking, &thread);
		if (asked)
			*asked = cookie;
		else
			map_update(&asking, &thread, &cookie, 0);
	}
	struct exchange x = { .cookie = cookie, .port = c->user_port, .direction = direction };
	toward(x.remote, c, v4, get(sk->__sk_common.skc_family));
	if (!first(&x))
		return 1;
	struct event *e = begin_call(PEER, sk, c);
	if (!e)
		return 1;
	for (int n = 0; n < 4; n++)
		e->remote[n] = x.remote[n];
	e->remote_port = __builtin_bswap16(x.port);
	e->direction = direction;
	end(e);
	return 1;
}

section("cgroup/sendmsg4") int send4(struct bpf_sock_addr *c) { return exchanged(c, 1, SENT); }
section("cgroup/sendmsg6") int send6(struct bpf_sock_addr *c) { return exchanged(c, 0, SENT); }
section("cgroup/recvmsg4") int receive4(struct bpf_sock_addr *c) { return exchanged(c, 1, RECEIVED); }
section("cgroup/recvmsg6") int receive6(struct bpf_sock_addr *c) { return exchanged(c, 0, RECEIVED); }

inlined int called(u8 kind, struct bpf_sock *context)
{
	struct event *e = begin_call(kind, (void *)context, context);
	if (e)
		end(e);
	return 1;
}

inlined int bound(struct bpf_sock *s) { return s->protocol == UDP && s->type != RAW ? called(BIND, s) : 1; }

section("cgroup/post_bind4") int bind4(struct bpf_sock *s) { return bound(s); }
section("cgroup/post_bind6") int bind6(struct bpf_sock *s) { return bound(s); }

// A socket without ports is there: raw, or of ICMP (ping).
section("cgroup/sock_create") int create(struct bpf_sock *s)
{
	bool ports = s->type != RAW && s->protocol != ICMP && s->protocol != ICMPV6;
	return !ports && told(s->protocol, s->type) ? called(CREATE, s) : 1;
}

// The last descriptor of a socket is closed.
section("cgroup/sock_release") int release(struct bpf_sock *s)
{
	if (s->protocol == MPTCP) {
		each_path((void *)s, RELEASE, 0, boot_time(), 0);
		return 1;
	}
	return told(s->protocol, s->type) ? called(RELEASE, s) : 1;
}

// Every socket that a process has open, one event a descriptor.
section("iter/task_file") int held_sockets(struct bpf_iter__task_file *c)
{
	struct task_struct *t = c->task;
	struct file *f = c->file;
	if (!t || !f || t->pid != t->tgid)
		return 0;
	struct socket *s = socket_of(f);
	if (!s)
		return 0;
	struct sock *sk = s->sk;
	if (!sk || !internet(sk, 1))
		return 0;
	u16 protocol = sk->sk_protocol;
	if (!told(protocol, sk->sk_type))
		return 0;
	struct event e = { .kind = HELD, .time = boot_time() };
	identify(&e.user, t);
	struct walk w = {};
	if (protocol == MPTCP)
		w = walk(sk);
#pragma clang loop unroll(disable)
	for (int n = 0; n < MAX_PATHS; n++) {
		struct sock *path = protocol == MPTCP ? next(&w) : sk;
		if (!path)
			return 0;
		describe(&e, path, 0);
		e.inode = f->f_inode->i_ino;
		e.cookie = protocol == MPTCP ? cookie_of(path) : socket_cookie(sk);
		sequence_write(c->meta->seq, &e, sizeof(e));
		if (protocol != MPTCP)
			return 0;
	}
	return 0;
}

// Asks every TCP socket of the reader's network namespace for its cookie, so that
// it has one.
section("iter/tcp") int tcp_cookies(struct bpf_iter__tcp *c)
{
	struct sock_common *sk = c->sk_common;
	if (sk)
		socket_cookie(sk);
	return 0;
}

/* Processes */

inlined u32 network_of(struct task_struct *t)
{
	struct nsproxy *n = t->nsproxy;
	return n ? n->net_ns->ns.inum : 0;
}

section("tp_btf/sched_process_exec") int process_exec(u64 *args)
{
	struct task_struct *t = (void *)args[0];
	struct linux_binprm *b = (void *)args[2];
	struct process *p = reserve(sizeof(*p));
	if (!p)
		return 0;
	__builtin_memset(&p->event, 0, sizeof(p->event));
	p->event.kind = EXEC;
	p->event.time = boot_time();
	p->event.netns = network_of(t);
	identify(&p->event.user, t);
	identify(&p->parent, t->real_parent);
	read_kernel(p->name, sizeof(p->name), &t->comm);
	read_kernel_text(p->path, sizeof(p->path), b->filename);
	struct mm_struct *mm = t->mm;
	unsigned long from = mm->arg_start;
	u64 length = mm->arg_end - from;
	if (length > MAX_ARGS)
		length = MAX_ARGS;
	p->length = length;
	if (length == 0 || read_user(p->args, length, (void *)from))
		p->length = 0;
	end(p);
	return 0;
}

// begin_named begins an event of a process that has a name only.
inlined struct process *begin_named(u8 kind, struct task_struct *t, const void *name)
{
	struct process *p = reserve(__builtin_offsetof(struct process, path));
	if (!p)
		return 0;
	__builtin_memset(p, 0, __builtin_offsetof(struct process, path));
	p->event.kind = kind;
	p->event.time = boot_time();
	p->event.netns = network_of(t);
	identify(&p->event.user, t);
	identify(&p->parent, t->real_parent);
	read_kernel_text(p->name, sizeof(p->name), name);
	return p;
}

section("tp_btf/sched_process_fork") int process_fork(u64 *args)
{
	struct task_struct *child = (void *)args[1];
	if (child->pid != child->tgid)
		return 0; // a thread
	struct process *p = begin_named(FORK, child, &child->comm);
	if (p)
		end(p);
	return 0;
}

// A process takes another name; execve(2) does that too, and tells it itself.
section("tp_btf/task_rename") int process_rename(u64 *args)
{
	struct task_struct *t = (void *)args[0];
	if (t->pid != t->tgid)
		return 0; // a thread
	struct process *p = begin_named(RENAME, t, (void *)args[1]);
	if (p)
		end(p);
	return 0;
}

section("tp_btf/sched_process_exit") int process_exit(u64 *args)
{
	struct task_struct *t = (void *)args[0];
	if (t->signal->live.counter > 0)
		return 0; // other threads go on
	struct event *e = begin(EXIT);
	if (!e)
		return 0;
	identify(&e->user, t);
	end(e);
	return 0;
}
