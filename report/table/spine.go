package table

import "strings"

// Capture is the table of the recording as a whole.
func Capture() *Schema {
	return &Schema{Name: "capture", Single: true, Default: true, Key: "one row",
		Doc: "the recording as a whole",
		Columns: columns(
			Column{"schema_version", Int64, false, "version of these tables"},
			Column{"recording_id", String, true, "identity of the recording, from its log or the capture's comment; NULL when neither says"},
			Column{"files", Int64, false, "capture files that could be read"},
			Column{"packets", Int64, false, "packets read"},
			Column{"wire_bytes", Int64, false, "bytes that they had on the wire, link headers included"},
			Column{"captured_bytes", Int64, false, "bytes of them in the files"},
			instant("first", "earliest packet; NULL when none has a time"),
			instant("last", "latest packet; NULL when none has a time"),
			Column{"dropped_packets", Int64, true, "packets that the recorder lost; NULL when the capture does not say"},
			Column{"duplicate_packets", Int64, true, "packets that another interface had before: they are in no other table but coverage; NULL: not looked for"},
			Column{"undecoded_packets", Int64, false, "packets whose headers could not be read"},
		)}
}

// Coverage is the table of why packets have the owners they have.
func Coverage() *Schema {
	return &Schema{Name: "coverage", Default: true, Key: "side, then reason in the order of the documentation",
		Doc: "packets of one side for one reason; for each side the sum over all reasons is the capture",
		Columns: columns(
			Column{"side", String, false, "source (who sent) or destination (who received)"},
			Column{"reason", String, false, "why that side has the owner it has, or none"},
			Column{"packets", Int64, false, "packets"},
			Column{"wire_bytes", Int64, false, "bytes on the wire, link headers included"},
		)}
}

// Damage is the table of what could not be read.
func Damage() *Schema {
	return &Schema{Name: "damage", Default: true, Key: "order of reading: captures, then logs",
		Doc: "one place, or kind of place, where an input was damaged or cut",
		Columns: columns(
			Column{"file", String, false, "name of the file as given"},
			Column{"block", Int64, true, "block of a capture, line of a log, counted from 1; NULL when it concerns the whole file"},
			Column{"offset", Int64, true, "byte offset of that block or line; NULL when it concerns the whole file"},
			Column{"field", String, true, "field that was wrong; NULL when it is the block as a whole"},
			Column{"message", String, false, "what was found and what was expected"},
			Column{"count", Int64, false, "how often this happened, this place included"},
		)}
}

// Processes is the table of processes.
func Processes() *Schema {
	own := append([]Column{{"connections", Int64, false, "connections of which it held either end"}}, exchanged()...)
	own = append(own, Column{"busy_ns", Int64, true, "time between its TCP and UDP packets that came within 200 ms of each other, whatever connections they are of" + unless})
	own = append(append(own, totals()...), times("that it sent")...)
	cols := columns(
		Column{"pid", Int64, false, "process id, as the recorder saw it"},
		Column{"start_ns", Int64, true, "start of the process, Unix nanoseconds: with the pid its identity; NULL when unknown"},
		Column{"name", String, true, "short name, the latest known; NULL when unknown"},
		Column{"exe", String, true, "path of the executable; NULL when unknown"},
		Column{"command", String, true, "arguments, quoted as a POSIX shell reads them; NULL when unknown"},
		Column{"ppid", Int64, true, "process id of the parent; NULL when unknown"},
		Column{"uid", Int64, true, "user id; NULL when unknown"},
		Column{"cgroup", String, true, "path of the control group; NULL when unknown"},
		Column{"container", String, true, "container id, 64 hexadecimal digits; NULL when it is in none"},
		Column{"in_command", Bool, false, "belongs to the tree of the recorded command"},
		own,
	)
	for _, c := range own {
		doc, when, _ := strings.Cut(c.Doc, "; NULL")
		doc = strings.NewReplacer("it held", "the tree held", "that it ", "that the tree ", "to its", "to the tree's", "to it", "to the tree", "its TCP", "the tree's TCP").Replace(doc)
		doc += " (the process and its descendants in the recording)"
		if c.Nullable {
			doc += "; NULL" + when
		}
		cols = append(cols, Column{"tree_" + c.Name, c.Type, c.Nullable, doc})
	}
	return &Schema{Name: "processes", Default: true, Key: "start_ns, unknown ones last, then pid", Columns: cols,
		Doc: "one process of the recording; a packet between two local processes counts once as sent and once as received"}
}

// Connections is the table of connections.
func Connections() *Schema {
	return &Schema{Name: "connections", Default: true, Key: "connection_id",
		Doc: "one connection: both directions of a five-tuple from its first packet to its end; the client opened it",
		Columns: columns(
			Column{"connection_id", Int64, false, "frame number of its first packet, counted over all files of the recording"},
			Column{"protocol", String, false, "tcp, udp or sctp"},
			Column{"ip_version", Int64, false, "4 or 6"},
			Column{"client_ip", String, false, "address of the end that opened it (RFC 5952)"},
			Column{"client_port", Int64, false, "port of the end that opened it"},
			Column{"server_ip", String, false, "address of the other end (RFC 5952)"},
			Column{"server_port", Int64, false, "port of the other end"},
			Column{"local_side", String, true, "which end is the recorded host: client, server, both or none; NULL when its addresses are not known"},
			instant("first", "earliest packet"),
			instant("last", "latest packet"),
			perEnd("packets", "packets sent by the %"),
			perEnd("wire_bytes", "bytes on the wire sent by the %, link headers included"),
			perEnd("payload_bytes", "payload sent by the %, retransmissions included"),
			perEnd("unique_payload_bytes", "payload sent by the %, each TCP byte once"),
			owner("client"),
			owner("server"),
			names(),
			measures(),
		)}
}

// unless is when what is measured is NULL.
const unless = "; NULL when not measured"

// traffic is what a process exchanged in a part of the time.
func traffic(part string) []Column {
	list := append([]Column{
		{"pid", Int64, true, "process; NULL when it is not one known process"},
		{"start_ns", Int64, true, "start of that process, Unix nanoseconds; NULL when unknown"},
		{"name", String, true, "name of that process; NULL when unknown"},
		{"reason", String, true, "why there is no process; NULL when there is one, or nothing to say it of"},
		{"connections", Int64, false, "connections with packets in the " + part + " of which it held either end"},
	}, exchanged()...)
	return append(list, Column{"busy_ns", Int64, true, "time between its TCP and UDP packets in the " + part + " that came within 200 ms of each other" + unless})
}

// exchanged is what one process sent and received.
func exchanged() []Column {
	return []Column{
		{"sent_packets", Int64, false, "packets that it sent"},
		{"received_packets", Int64, false, "packets that were sent to it"},
		{"sent_wire_bytes", Int64, false, "bytes on the wire that it sent, link headers included"},
		{"received_wire_bytes", Int64, false, "bytes on the wire that were sent to it, link headers included"},
		{"sent_payload_bytes", Int64, false, "TCP and UDP payload that it sent, retransmissions included"},
		{"received_payload_bytes", Int64, false, "TCP and UDP payload that was sent to it, retransmissions included"},
		{"sent_unique_payload_bytes", Int64, false, "TCP and UDP payload that it sent, each TCP byte once"},
		{"received_unique_payload_bytes", Int64, false, "TCP and UDP payload that was sent to it, each TCP byte once"},
	}
}

// Timeseries is the table of what processes exchanged over time, written when it
// is asked for.
func Timeseries() *Schema {
	return &Schema{Name: "timeseries", Key: "begin_ns, then processes as in processes, then reasons",
		Doc: "one process, or reason why there is none, in one bucket of time in which it has packets; in each bucket what was sent sums to its packets, and so does what was received; packets without a time are in none",
		Columns: columns(
			Column{"begin_ns", Int64, false, "where the bucket begins, Unix nanoseconds: a multiple of its width"},
			Column{"begin_time", Timestamp, false, "begin_ns as a date, cut to microseconds"},
			Column{"bucket_ns", Int64, false, "its width, nanoseconds"},
			traffic("bucket"),
		)}
}

// Phases is the table of what processes exchanged in each phase of a benchmark.
func Phases() *Schema {
	return &Schema{Name: "phases", Default: true, Key: "phase_id, then processes as in processes, then reasons",
		Doc: "one process, or reason why there is none, in one phase that marks in the log bound, or outside of all phases; a phase without packets has one row",
		Columns: columns(
			Column{"phase_id", Int64, true, "which phase: they count from 1 in the order of their beginnings; NULL outside of all"},
			Column{"phase", String, true, "name of the phase; NULL outside of all, or when it has none"},
			instant("begin", "when it began; NULL when no mark says"),
			instant("end", "when it ended; NULL when no mark says"),
			traffic("phase"),
			totals(),
			times("that it sent"),
		)}
}

// Unmeasured is the table of connections without what is measured or read from
// payload.
func Unmeasured() *Schema {
	s := Connections()
	s.Columns = s.Columns[:s.Index("application")]
	return s
}

// Packets is the table of packets, written when it is asked for.
func Packets() *Schema {
	return &Schema{Name: "packets", Key: "frame_number",
		Doc: "one packet",
		Columns: columns(
			Column{"file", String, false, "capture file as given"},
			Column{"frame_number", Int64, false, "place in the recording, from 1: over all its files in the order of their first packets, with --merge over all packets in the order of time"},
			instant("", "when it was captured; NULL when the file has no time for it, or none between the years 1677 and 2262"),
			Column{"interface", String, true, "interface it was captured on; NULL when it has no name"},
			Column{"captured_length", Int64, false, "bytes of the frame in the file"},
			Column{"wire_length", Int64, false, "bytes of the frame on the wire, link header included"},
			Column{"ip_version", Int64, true, "4 or 6; NULL when it is no IP packet"},
			Column{"protocol", String, true, "tcp, udp, icmp…, ip-N for others; NULL when it is no IP packet"},
			Column{"source_ip", String, true, "source address (RFC 5952); NULL when it is no IP packet"},
			Column{"source_port", Int64, true, "source port; NULL when it has none"},
			Column{"destination_ip", String, true, "destination address (RFC 5952); NULL when it is no IP packet"},
			Column{"destination_port", Int64, true, "destination port; NULL when it has none"},
			Column{"tcp_flags", Int32, true, "flag bits of RFC 9293: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK, 32 URG, 64 ECE, 128 CWR; NULL when it is not TCP"},
			Column{"payload_length", Int64, true, "TCP or UDP payload on the wire; NULL when the headers do not say"},
			Column{"connection_id", Int64, true, "its connection; NULL when it belongs to none"},
			Column{"source_pid", Int64, true, "process that sent it; NULL when it is not one known process"},
			Column{"source_reason", String, false, "why the sender is that process, or none"},
			Column{"destination_pid", Int64, true, "process it was sent to; NULL when it is not one known process"},
			Column{"destination_reason", String, false, "why the receiver is that process, or none"},
			Column{"duplicate", Bool, true, "another interface had the packet before, where it counts; NULL: not looked for"},
		)}
}

// columns joins single columns and groups of them.
func columns(parts ...any) []Column {
	var all []Column
	for _, p := range parts {
		switch p := p.(type) {
		case Column:
			all = append(all, p)
		case []Column:
			all = append(all, p...)
		}
	}
	return all
}

// instant is a moment: Unix nanoseconds and the companion that readers show
// as a date. A name of "" gives time_ns and time.
func instant(name, doc string) []Column {
	ns, companion := name+"_ns", name+"_time"
	if name == "" {
		ns, companion = "time_ns", "time"
	}
	what, when, nullable := strings.Cut(doc, "; NULL")
	if nullable {
		when = "; NULL" + when
	}
	return []Column{
		{ns, Int64, nullable, what + ", Unix nanoseconds" + when},
		{companion, Timestamp, nullable, ns + " as a date, cut to microseconds"},
	}
}

// perEnd is one measure for both ends of a connection; % in doc is the end.
func perEnd(name, doc string) []Column {
	return []Column{
		{"client_" + name, Int64, false, strings.ReplaceAll(doc, "%", "client")},
		{"server_" + name, Int64, false, strings.ReplaceAll(doc, "%", "server")},
	}
}

// owner is who held one end of a connection.
func owner(end string) []Column {
	return []Column{
		{end + "_pid", Int64, true, "process at the " + end + "'s end; NULL when it is not one known process"},
		{end + "_start_ns", Int64, true, "start of that process, Unix nanoseconds; NULL when unknown"},
		{end + "_name", String, true, "name of that process; NULL when unknown"},
		{end + "_reason", String, false, "why the " + end + "'s end has that owner, or none"},
		{end + "_candidates", ProcessList, true, "processes that fit, where the reason is ambiguous or group; NULL when none are known"},
	}
}
