// Package record captures packets and watches sockets and processes, and writes
// the two files that everything later is made from: run.pcapng and
// run.conns.jsonl. Start is the way in.
//
//  1. Config is checked, and all that can be wrong is found (checkOutputs,
//     chooseInterfaces, findCommand): an *Error with its remedy,
//     nothing written, no command started.
//  2. buildFilter joins the interfaces, "loopback packets once" and the user's
//     filter (ParseFilter, package filter) into one classic BPF program; the ring starts to
//     fill.
//  3. An observer lists all sockets and processes for the first time: trace, which
//     the kernel tells of all that happens (package hooks), or where that cannot
//     be had watch, which looks again and again through a source (diag on Linux,
//     else poll). Rights that are of no more use are given up (dropRights). The
//     files are created; the command starts.
//  4. capture moves frames from its tap, on Linux the ring, to the pcapng file. trace writes what the
//     kernel told, watch the difference between two looks.
//  5. When the command ends, or the user says so: a last thorough look, a moment
//     for the last packets, the ring drained, both files closed, a Summary. A
//     command may outlive that.
//
// One goroutine reads the ring and writes the capture, one looks at the sockets
// and writes the log, so that each file is in the order of time. Files of a rotated
// capture are brought to the disk and closed beside them.
//
//	            ┌ ring ── capture ─────────► run.pcapng
//	            │            └ gaps ─┐
//	Start ──────┤ hooks ── trace ────┤
//	            └ source ─ watch ────┴─────► run.conns.jsonl
//
// Other network namespaces are entered at the beginning (entering): a packet socket, and
// the tables of sockets, are of one. Each has a ring (rings), and its interfaces stand in
// both files with their namespace.
//
// The log also has what tells where packets of other network namespaces come from:
// the addresses there (namespaces), and what the kernel makes of addresses on the
// way (translations).
//
// The log never claims more than was seen. trace names who used a socket: what the
// network does while some process happens to run is nobody's. For watch a process
// holds a socket when its list of files said so and the same process had the PID
// before and after; Since in an event is the last time that the former holders were
// known to be all, and Partial says that a process that could not be seen may be
// another (lineage).
//
// # Limits
//
//   - On Linux packets are captured by processes with CAP_NET_RAW; elsewhere by
//     dumpcap or tcpdump (dumper), which may lose them unseen until it ends.
//   - trace needs Linux 5.12, type information in the kernel, and root or its rights.
//   - By watch a socket that opens and closes between two looks is not seen, nor
//     one of another network namespace.
//   - A socket that a running process of more than a second's age receives from
//     another (SCM_RIGHTS) is noticed at the next look when the other closes it,
//     and within a second when both hold it; an inherited one at the next look.
//   - Filters see frames as the kernel does: without the VLAN tag that the file
//     has again. Frames of 802.11 pass no expression.
//   - A process whose parent ended before it was seen has the one that adopted
//     it for a parent. On Linux that is the recorder for what a command leaves
//     behind, so that it counts as the command's.
//   - The kernel counts drops for all interfaces together.
//   - The arguments of a process are cut at 4 KiB.
package record
