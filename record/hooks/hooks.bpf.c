//go:build ignore

// Programs that the kernel runs when a socket or a process changes. Each writes
// an event into one ring, which Hooks reads; doc.go says what they are. The
// helpers that read kernel memory are for programs under the GPL only.

#include "kernel.h"

char terms[] section("license") = "Dual MIT/GPL";

enum { INET = 2, INET6 = 10, TCP = 6, UDP = 17 };
enum { ESTABLISHED = 1, SYN_SENT = 2, FIN_WAIT1 = 4, LAST_ACK = 9, LISTEN = 10 }; // net/tcp_states.h

// Kinds of events, as in event.go.
enum { STATE = 1, USE, CONNECT, BIND, PEER, RELEASE, HELD, EXEC, FORK, EXIT, RENAME };

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
	u8 before, state, direction, unused[5];
	u32 local[4], remote[4];
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

// How many events found no room, by processor.
struct {
	number_of(type, MAP_PERCPU_ARRAY);
	number_of(max_entries, 1);
	type_of(key, u32);
	type_of(value, u64);
} lost section(".maps");

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

// Which peers sockets without a fixed one exchanged with, as far as they are
// remembered.
struct exchange {
	u64 cookie;
	u32 remote[4];
	u16 port;
	u8 direction, unused[5];
};
struct {
	number_of(type, MAP_LRU_HASH);
	number_of(max_entries, 1 << 15);
	type_of(key, struct exchange);
	type_of(value, u8);
} exchanges section(".maps");

const volatile u32 pid_namespace; // inode number of the recorder's

inlined void *reserve(u32 size)
{
	void *room = ring_reserve(&events, size, 0);
	if (!room) {
		u32 zero = 0;
		u64 *n = map_lookup(&lost, &zero);
		if (n)
			*n += 1;
	}
	return room;
}

// pid_of returns the PID of a process in the recorder's namespace: one of the
// levels of namespaces that it is in.
inlined s32 pid_of(struct task_struct *t)
{
	struct signal_struct *s = get(t->signal);
	struct pid *p = get(s->pids[1]); // PIDTYPE_TGID
	u32 levels = get(p->level);
	for (u32 n = 0; n < 8 && n <= levels; n++) {
		struct upid *u = (void *)&p->numbers[0] + n * sizeof(struct upid);
		struct pid_namespace *ns = get(u->ns);
		if (get(ns->ns.inum) == pid_namespace)
			return get(u->nr);
	}
	return 0;
}

inlined void identify(struct identity *i, struct task_struct *t)
{
	struct task_struct *leader = get(t->group_leader);
	const struct cred *c = get(t->real_cred);
	i->start = get(leader->start_boottime);
	i->pid = pid_of(t);
	i->uid = get(c->uid.val);
}

inlined u32 namespace_of(struct sock *sk)
{
	struct net *net = get(sk->__sk_common.skc_net.net);
	return get(net->ns.inum);
}

inlined u8 takes_no_ipv4(struct sock *sk)
{
	enum { OFFSET = 0, LEFT = 4, RIGHT = 5 }; // btf_field_info_kind
	u64 word = 0; // the field lies within the first bytes, on little-endian machines
	read_kernel(&word, sizeof(word), (void *)sk + __builtin_preserve_field_info(sk->__sk_common.skc_ipv6only, OFFSET));
	word <<= __builtin_preserve_field_info(sk->__sk_common.skc_ipv6only, LEFT);
	return word >> __builtin_preserve_field_info(sk->__sk_common.skc_ipv6only, RIGHT);
}

inlined bool internet(struct sock *sk)
{
	u16 family = get(sk->__sk_common.skc_family);
	return family == INET || family == INET6;
}

// describe writes all but time, kind and user.
inlined void describe(struct event *e, struct sock *sk)
{
	e->family = get(sk->__sk_common.skc_family);
	e->protocol = get(sk->sk_protocol);
	e->state = get(sk->__sk_common.skc_state);
	e->device = get(sk->__sk_common.skc_bound_dev_if);
	e->netns = namespace_of(sk);
	e->local_port = __builtin_bswap16(get(((struct inet_sock *)sk)->inet_sport));
	if (!e->local_port)
		e->local_port = get(sk->__sk_common.skc_num);
	e->remote_port = __builtin_bswap16(get(sk->__sk_common.skc_dport));
	if (e->family == INET) {
		e->local[0] = get(sk->__sk_common.skc_rcv_saddr);
		e->remote[0] = get(sk->__sk_common.skc_daddr);
	} else {
		read_kernel(e->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		read_kernel(e->remote, 16, &sk->__sk_common.skc_v6_daddr);
		e->v6only = takes_no_ipv4(sk);
	}
	struct socket *s = get(sk->sk_socket);
	if (!s)
		return;
	struct file *f = get(s->file);
	if (!f)
		return;
	struct inode *i = get(f->f_inode);
	e->inode = get(i->i_ino);
}

inlined struct event *begin(u8 kind)
{
	struct event *e = reserve(sizeof(*e));
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->time = boot_time();
	return e;
}

inlined void end(void *e) { ring_submit(e, RING_NO_WAKEUP); }

/* Sockets */

// A TCP socket changes its state. Often the network does that, while any process
// happens to run: the process counts for the states that only a system call on
// the socket makes.
section("tp_btf/inet_sock_set_state") int socket_state(u64 *args)
{
	struct sock *sk = (void *)args[0];
	u8 before = args[1], state = args[2];
	if (get(sk->sk_protocol) != TCP)
		return 0;
	bool opens = state == SYN_SENT || state == LISTEN || state == ESTABLISHED;
	bool called = state == SYN_SENT || state == LISTEN || state == FIN_WAIT1 || state == LAST_ACK;
	if (!opens && !called && state != 7)
		return 0;
	struct event *e = begin(STATE);
	if (!e)
		return 0;
	describe(e, sk);
	e->cookie = socket_cookie(sk);
	e->before = before;
	e->state = state;
	if (called)
		identify(&e->user, current_task());
	end(e);
	return 0;
}

// endpoints_of tells one peer of a socket from the next, mostly.
inlined u32 endpoints_of(struct sock *sk)
{
	u32 word = get(sk->__sk_common.skc_daddr);
	if (get(sk->__sk_common.skc_family) == INET6) {
		u32 a[4];
		read_kernel(a, sizeof(a), &sk->__sk_common.skc_v6_daddr);
		word = a[0] ^ a[1] * 3 ^ a[2] * 5 ^ a[3] * 7;
	}
	return word ^ (u32)get(sk->__sk_common.skc_dport) << 16 ^ get(sk->__sk_common.skc_num);
}

// use tells that a process sent or received: when another one did before, or
// when the socket's endpoints are new.
inlined int use(struct sock *sk, u8 direction)
{
	if (!sk || !internet(sk))
		return 0;
	u16 protocol = get(sk->sk_protocol);
	if (protocol != TCP && protocol != UDP)
		return 0;
	struct last *l = storage_get(&users, sk, 0, STORAGE_CREATE);
	if (!l)
		return 0;
	struct task_struct *t = current_task();
	struct task_struct *leader = get(t->group_leader);
	u64 start = get(leader->start_boottime), now = boot_time(), former = l->time;
	u32 tgid = current_ids() >> 32, endpoints = endpoints_of(sk);
	l->time = now;
	if (l->start == start && l->tgid == tgid && l->endpoints == endpoints)
		return 0;
	l->start = start;
	l->tgid = tgid;
	l->endpoints = endpoints;
	struct event *e = begin(USE);
	if (!e)
		return 0;
	describe(e, sk);
	e->cookie = socket_cookie(sk);
	e->time = now;
	e->former = former;
	e->direction = direction;
	identify(&e->user, t);
	end(e);
	return 0;
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

/* Control groups: these run in the system call, before it has an effect. */

inlined struct event *begin_call(u8 kind, struct sock *sk, void *context)
{
	struct event *e = begin(kind);
	if (!e)
		return 0;
	describe(e, sk);
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
	struct bpf_sock_addr_kern *k = bpf_cast_to_kern_ctx(c);
	return k->sk;
}

// connecting is about UDP: TCP tells by its state.
inlined int connecting(struct bpf_sock_addr *c, bool v4)
{
	if (c->protocol != UDP)
		return 1;
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

// exchanged is about UDP sockets without a peer; it tells of each peer, and
// direction, once as long as it is remembered.
inlined int exchanged(struct bpf_sock_addr *c, bool v4, u8 direction)
{
	if (c->protocol != UDP)
		return 1;
	struct sock *sk = socket_in(c);
	struct exchange x = { .cookie = socket_cookie(c), .port = c->user_port, .direction = direction };
	u8 yes = 1;
	toward(x.remote, c, v4, get(sk->__sk_common.skc_family));
	if (map_lookup(&exchanges, &x))
		return 1;
	struct event *e = begin_call(PEER, sk, c);
	if (!e)
		return 1;
	map_update(&exchanges, &x, &yes, 0);
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
	struct event *e = begin_call(kind, bpf_cast_to_kern_ctx(context), context);
	if (e)
		end(e);
	return 1;
}

section("cgroup/post_bind4") int bind4(struct bpf_sock *s) { return s->protocol == UDP ? called(BIND, s) : 1; }
section("cgroup/post_bind6") int bind6(struct bpf_sock *s) { return s->protocol == UDP ? called(BIND, s) : 1; }

// The last descriptor of a socket is closed.
section("cgroup/sock_release") int release(struct bpf_sock *s)
{
	return s->protocol == TCP || s->protocol == UDP ? called(RELEASE, s) : 1;
}

// Every socket that a process has open, one event a descriptor.
section("iter/task_file") int held_sockets(struct bpf_iter__task_file *c)
{
	struct task_struct *t = c->task;
	struct file *f = c->file;
	if (!t || !f || get(t->pid) != get(t->tgid))
		return 0;
	struct socket *s = socket_of(f);
	if (!s)
		return 0;
	struct sock *sk = s->sk;
	if (!sk || !internet(sk))
		return 0;
	u16 protocol = get(sk->sk_protocol);
	if (protocol != TCP && protocol != UDP)
		return 0;
	struct event e = { .kind = HELD, .time = boot_time() };
	describe(&e, sk);
	e.cookie = socket_cookie(sk);
	identify(&e.user, t);
	struct inode *i = get(f->f_inode);
	e.inode = get(i->i_ino);
	sequence_write(c->meta->seq, &e, sizeof(e));
	return 0;
}

/* Processes */

inlined u32 network_of(struct task_struct *t)
{
	struct nsproxy *n = get(t->nsproxy);
	if (!n)
		return 0;
	struct net *net = get(n->net_ns);
	return get(net->ns.inum);
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
	identify(&p->parent, get(t->real_parent));
	read_kernel(p->name, sizeof(p->name), &t->comm);
	read_kernel_text(p->path, sizeof(p->path), get(b->filename));
	struct mm_struct *mm = get(t->mm);
	unsigned long from = get(mm->arg_start);
	u64 length = get(mm->arg_end) - from;
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
	identify(&p->parent, get(t->real_parent));
	read_kernel_text(p->name, sizeof(p->name), name);
	return p;
}

section("tp_btf/sched_process_fork") int process_fork(u64 *args)
{
	struct task_struct *child = (void *)args[1];
	if (get(child->pid) != get(child->tgid))
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
	if (get(t->pid) != get(t->tgid))
		return 0; // a thread
	struct process *p = begin_named(RENAME, t, (void *)args[1]);
	if (p)
		end(p);
	return 0;
}

section("tp_btf/sched_process_exit") int process_exit(u64 *args)
{
	struct task_struct *t = (void *)args[0];
	struct signal_struct *s = get(t->signal);
	if (get(s->live.counter) > 0)
		return 0; // other threads go on
	struct event *e = begin(EXIT);
	if (!e)
		return 0;
	identify(&e->user, t);
	end(e);
	return 0;
}
