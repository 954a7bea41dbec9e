// data is what the page is about; package html says what its fields are.
const data = JSON.parse(document.getElementById("data").textContent);

// Columns reads a list that is stored by column. NULL is null.
class Columns {
	constructor(list) {
		this.rows = list.rows;
		this.columns = list.columns || {};
	}

	has(name) { return name in this.columns; }

	get(name, row) {
		const c = this.columns[name];
		if (c === undefined) return null;
		if ("o" in c) return c.o;
		if (c.i) return c.i[row] < 0 ? null : c.t[c.i[row]];
		return c.n[row];
	}

	number(name, row) { return this.get(name, row) || 0; }
}

const processes = new Columns(data.processes);
const connections = new Columns(data.connections);
const processIndex = new Map();
for (let i = 0; i < processes.rows; i++) processIndex.set(processes.get("pid", i) + " " + processes.get("start_ns", i), i);

const processOf = (pid, start) => pid === null ? -1 : processIndex.get(pid + " " + start) ?? -1;
const processName = (i) => (processes.get("name", i) ?? "process") + "[" + processes.get("pid", i) + "]";

// Connection is one connection of the page.
class Connection {
	constructor(row) {
		this.row = row;
		this.first = this.number("first_ns");
		this.last = this.number("last_ns");
		this.bytes = this.number("client_wire_bytes") + this.number("server_wire_bytes");
		this.client = processOf(this.get("client_pid"), this.get("client_start_ns"));
		this.server = processOf(this.get("server_pid"), this.get("server_start_ns"));
		this.owner = this.client >= 0 ? this.client : this.server;
		this.clientText = this.end("client");
		this.serverText = this.end("server");
		this.text = this.clientText + " → " + this.serverText;
		this.search = [this.get("connection_id"), this.get("protocol"), this.get("application"), this.get("server_host"), this.get("client_ip"), this.get("client_port"), this.text].join(" ").toLowerCase();
		this.steps = this.stepsOf();
		this.begin = this.steps.lookup ? Math.min(this.steps.lookup[0], this.first) : this.first;
		this.again = this.number("client_retransmitted_segments") + this.number("server_retransmitted_segments");
	}

	// stepsOf returns from when to when it was about to begin: looking up a name,
	// connecting, the handshake of TLS, waiting for the first answer; null = not known.
	stepsOf() {
		const asked = this.get("lookup_first_ns"), secured = this.get("tls_handshake_ns");
		const there = this.get("server_handshake_ns"), back = this.get("client_handshake_ns"); // repetitions of the SYN are in it
		const said = this.get("client_first_byte_ns"), answered = this.get("server_first_byte_ns");
		const within = (from, to) => from === null || to === null || to <= from ? null : [this.first + from, Math.min(this.first + to, this.last)];
		return {
			lookup: asked === null ? null : [asked, this.get("lookup_last_ns")],
			connect: within(0, there === null || back === null ? this.get("initial_rtt_ns") : there + back),
			tls: within(said, said === null || secured === null ? null : said + secured),
			wait: within(said, answered),
		};
	}

	get(name) { return connections.get(name, this.row); }
	number(name) { return connections.number(name, this.row); }
	get duration() { return this.last - this.first; }

	// owned names who holds an end: its process, or why there is none.
	owned(end) {
		const pid = this.get(end + "_pid");
		return pid === null ? this.get(end + "_reason") : (this.get(end + "_name") ?? "process") + "[" + pid + "]";
	}

	end(end) {
		const ip = this.get(end + "_ip");
		const host = end === "server" ? this.get("server_host") : null;
		const address = (host ?? (ip.includes(":") ? "[" + ip + "]" : ip)) + ":" + this.get(end + "_port");
		return end === "server" ? address + " " + this.owned(end) : this.owned(end);
	}

	// stretches calls f with begin and end of each stretch with packets, and the
	// client's sixteenths of its bytes. It returns false where they are not known.
	stretches(f) {
		if (!data.activity) return false;
		const { unit } = data.activity, flat = data.activity.rows[this.row];
		let at = this.first;
		for (let i = 0; i < flat.length; i += 3) {
			const begin = at + flat[i] * unit;
			at = begin + flat[i + 1] * unit;
			f(begin, Math.min(at + unit - 1, this.last), flat[i + 2]);
		}
		return true;
	}

	// resent calls f with begin and end of each time at which segments were sent again,
	// and how many.
	resent(f) {
		const flat = data.activity?.resent?.[this.row] ?? [];
		let at = this.first;
		for (let i = 0; i < flat.length; i += 3) {
			const begin = at + flat[i] * data.activity.unit;
			at = begin + flat[i + 1] * data.activity.unit;
			f(begin, at, flat[i + 2]);
		}
	}

	// inPhase tells whether it has packets in a phase.
	inPhase(i) {
		if (data.activity?.phases) return data.activity.phases[this.row].includes(i);
		const p = data.phases.rows[i];
		return this.last >= (p.begin ?? -Infinity) && this.first < (p.end ?? Infinity);
	}

	// inCommand tells whether either end is the recorded command's.
	inCommand() {
		return [this.client, this.server].some((p) => p >= 0 && processes.get("in_command", p) === 1);
	}
}

const allConnections = Array.from({ length: connections.rows }, (_, i) => new Connection(i));

// whole is the time that the page is about, nanoseconds since the first packet.
const whole = { from: 0, to: Math.max(data.capture.last_ns ?? 0, 1) };
