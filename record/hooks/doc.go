// Package hooks has the kernel tell what happens to sockets and processes: its
// programs (eBPF) run within the system calls themselves, so that nothing is too
// short to be seen.
//
//  1. Open loads hooks.bpf.o, fits it to the running kernel by that kernel's own
//     type information, attaches the programs that it has hooks for, and makes a few
//     calls itself to see that their events arrive. Who sends and receives can be
//     told in several ways (ways); the first that the kernel allows is taken.
//  2. Hooks.Held reads which process has which socket open now. It is called when
//     the programs are attached already, so that nothing falls between.
//  3. Hooks.Read takes the events since the last call from the ring, and says how
//     many the kernel had no room for.
//
// What is attached, and what an Event of it says:
//
//	inet_sock_set_state          State: TCP connects, listens, is established, closes
//	sock_send_length,            Use: another process than before sent or received
//	  sock_recv_length             through a socket, or its endpoints are new
//	  and tcp_splice_read          (splice(2) is no sock_recv_length: the function
//	  or tcp_rcv_space_adjust      is followed, or what is taken out of any queue), or it
//	                               connected anew;
//	or inet_sendmsg, _recvmsg…     before Linux 6.3 the functions, by fexit or kprobes
//	cgroup connect4, connect6    Connect: UDP gets a fixed peer (before it has an effect)
//	cgroup post_bind4, 6         Bind: UDP is bound to an address
//	cgroup sendmsg4, 6,          Peer: a process sends to a new peer of a UDP socket (before
//	  recvmsg4, 6                  it does), or received from one; without a remote
//	                               end: it received, and asked not from whom
//	cgroup sock_create           Create: a socket without ports is there: raw, or of ICMP (ping)
//	cgroup sock_release          Release: the last descriptor of a socket is closed
//	sched_process_exec, _fork,   Exec, Fork, Exit, Rename
//	  _exit, task_rename
//
// An event has the time since boot at which the kernel made it. Its user is the
// process that made the system call; where the network caused it (a connection
// is established, or reset), or one of the kernel's workers (kworker), which act for
// whoever left them work, it has none. PIDs are those of the reader's PID namespace.
//
// An event is struct event of hooks.bpf.c, in the byte order of the machine:
//
//	 0 time u64      8 cookie u64     16 former u64     24 inode u64
//	32 user: start u64, pid i32, uid u32                48 netns u32
//	52 device i32   56 local port u16 58 remote port u16
//	60 kind u8      61 family u8      62 protocol u8    63 v6only u8
//	64 before u8    65 state u8       66 direction u8   67 type u8
//	72 local [16]   88 remote [16]
//
// of a socket that goes to Close its counters (struct closing):
//
//	104 sent u64, received u64, retransmits u32, round-trip time u32 (µs)
//
// and of processes further on (struct process):
//
//	104 parent: start u64, pid i32, uid u32              120 name [16]
//	136 path [256]  392 length u32     396 arguments, each ended by a zero byte
//
// # Limits
//
//   - Linux 5.12 is the first that has what all ways need; tried are 6.1 and 6.18.
//     It must have type information (CONFIG_DEBUG_INFO_BTF), and a control group
//     hierarchy of version 2 must be mounted.
//   - Little-endian machines only.
//   - Sockets of other protocols are not told. A connection of multipath TCP is told
//     as the TCP connections that it is made of, at most 8; who uses it is who
//     uses each of them.
//   - Arguments are cut at 4 KiB, the path of a program at 255 bytes.
package hooks
