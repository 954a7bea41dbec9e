// The tables of processes, endpoints and connections, and the distributions.

const meter = (value, most) => element("span", { class: "meter", style: { width: Math.round(60 * value / Math.max(1, most)) + "px" }, "aria-hidden": "true" });

const bytesColumn = (name, value, doc) => ({ name, value, doc, number: true, width: "110px", text: (r) => formatBytes(value(r)) });
const countColumn = (name, value, doc) => ({ name, value, doc, number: true, width: "115px", text: (r) => value(r) === null ? "" : formatCount(value(r)) });

function showProcesses() {
	const section = byID("processes"), number = (name) => (p) => processes.number(name, p);
	const total = (p) => processes.number("tree_sent_wire_bytes", p) + processes.number("tree_received_wire_bytes", p);
	const own = (p) => processes.number("sent_wire_bytes", p) + processes.number("received_wire_bytes", p);
	const depth = [], most = { bytes: 1 };
	const children = new Map();
	for (let p = 0; p < processes.rows; p++) {
		const up = data.processes.parents[p];
		depth.push(up < 0 ? 0 : depth[up] + 1);
		if (!children.has(up)) children.set(up, []);
		children.get(up).push(p);
		most.bytes = Math.max(most.bytes, total(p));
	}
	const tree = [], stack = [...(children.get(-1) ?? [])].reverse();
	while (stack.length > 0) {
		const p = stack.pop();
		tree.push(p);
		stack.push(...[...(children.get(p) ?? [])].reverse());
	}
	const button = byID("tree");
	let grid = null;
	const asTree = () => grid === null || grid.sorted === null;
	const label = (p) => element("span", { style: { paddingLeft: (asTree() ? 16 * Math.min(depth[p], 10) : 0) + "px" } }, processes.get("in_command", p) === 1 ? "▸ " : "", processes.get("name", p) ?? "(no name)");
	grid = new Grid(section, {
		label: "Processes", least: 900, rows: tree,
		text: (p) => [processes.get("name", p), processes.get("pid", p), processes.get("command", p), processes.get("exe", p), processes.get("container", p)].join(" ").toLowerCase(),
		told: (n) => plural(n, "process").replace("processs", "processes") + (data.processes.left > 0 ? "; " + formatCount(data.processes.left) + " are not on this page" : "") + "; ▸ belongs to the recorded command",
		activate: (p) => { byID("filter").value = processName(p); byID("filter").dispatchEvent(new Event("input")); },
		onsort: () => button.setAttribute("aria-pressed", "false"),
		columns: [
			{ name: "process", text: (p) => processes.get("name", p) ?? "", value: (p) => processes.get("name", p), cell: label, width: "minmax(170px, 1.2fr)" },
			{ name: "pid", number: true, width: "80px", text: (p) => String(processes.get("pid", p)), value: number("pid") },
			{ name: "command", text: (p) => processes.get("command", p) ?? processes.get("exe", p) ?? "", value: (p) => processes.get("command", p), width: "minmax(160px, 2fr)" },
			countColumn("connections", number("connections"), "connections of which it held either end"),
			bytesColumn("sent", number("sent_wire_bytes"), "bytes on the wire that it sent"), bytesColumn("received", number("received_wire_bytes"), "bytes on the wire that were sent to it"),
			bytesColumn("own", own, "sent and received"),
			{ ...bytesColumn("tree", total, "sent and received by the process and its descendants"), width: "170px", cell: (p) => element("span", null, meter(total(p), most.bytes), formatBytes(total(p))) },
		],
	});
	button.addEventListener("click", () => {
		grid.sorted = null;
		button.setAttribute("aria-pressed", "true");
		grid.show();
	});
}

function showEndpoints() {
	const rows = data.endpoints.rows, most = Math.max(1, ...rows.map((e) => e.s + e.r));
	const notes = (data.endpoints.left > 0 ? "; " + formatCount(data.endpoints.left) + " smaller ones are not on this page" : "") + (data.endpoints.more > 0 ? "; " + plural(data.endpoints.more, "connection") + " to further ones" : "");
	const all = (e) => e.s + e.r;
	new Grid(byID("endpoints"), {
		label: "Endpoints", least: 720, rows,
		text: (e) => [e.p, e.a, e.n, e.h, e.k].join(" ").toLowerCase(), told: (n) => plural(n, "endpoint") + notes,
		activate: (e) => { byID("filter").value = e.h || (e.a.includes(":") ? "[" + e.a + "]" : e.a) + (e.k === "server" ? ":" + e.n : ""); byID("filter").dispatchEvent(new Event("input")); },
		columns: [
			{ name: "address", text: (e) => e.a, value: (e) => e.a, width: "minmax(130px, 1fr)" },
			{ name: "role", text: (e) => e.k, value: (e) => e.k, width: "80px" },
			{ name: "port", number: true, width: "80px", text: (e) => String(e.n), value: (e) => e.n, doc: "of the server: its own, or of a client the one that it connected to" },
			{ name: "protocol", text: (e) => e.p, value: (e) => e.p, width: "90px" },
			...(rows.some((e) => e.h) ? [{ name: "host", text: (e) => e.h ?? "", value: (e) => e.h ?? null, width: "minmax(130px, 1fr)", doc: "its latest name" }] : []),
			countColumn("connections", (e) => e.c), bytesColumn("to it", (e) => e.r), bytesColumn("from it", (e) => e.s),
			{ ...bytesColumn("both", all), width: "170px", cell: (e) => element("span", null, meter(all(e), most), formatBytes(all(e))) },
		],
	});
}

function showConnections() {
	const field = (name, column, width) => ({ name, width, text: (c) => c.get(column) ?? "", value: (c) => c.get(column) });
	const time = (name, column) => ({ name, number: true, width: "115px", text: (c) => c.get(column) === null ? "" : formatDuration(c.get(column)), value: (c) => c.get(column) });
	const known = (column, made) => connections.has(column) ? [{ ...made, screen: true }] : [];
	const left = data.connections.left ?? 0;
	new Grid(byID("connections"), {
		label: "Connections", least: 1180 + (connections.has("initial_rtt_ns") ? 460 : 0) + (connections.has("turns") ? 230 : 0), rows: allConnections, text: (c) => c.search,
		told: (n) => plural(n, "connection") + (left > 0 ? "; " + formatCount(left) + " smaller ones are not on this page" : ""),
		activate: (c) => { showDetail(c); byID("detail").scrollIntoView({ block: "nearest" }); },
		columns: [
			{ name: "number", number: true, width: "90px", text: (c) => String(c.get("connection_id")), value: (c) => c.get("connection_id"), doc: "frame number of its first packet" },
			field("protocol", "protocol", "95px"), ...known("application", field("application", "application", "100px")),
			{ name: "client", text: (c) => c.owned("client") + " " + c.get("client_ip") + ":" + c.get("client_port"), value: (c) => c.owned("client"), width: "minmax(150px, 1fr)" },
			{ name: "server", text: (c) => c.serverText, value: (c) => c.serverText, width: "minmax(170px, 1.2fr)" },
			{ name: "begin", number: true, width: "120px", text: (c) => formatMoment(c.first), value: (c) => c.first },
			{ name: "duration", number: true, width: "100px", text: (c) => formatDuration(c.duration), value: (c) => c.duration },
			bytesColumn("client sent", (c) => c.number("client_wire_bytes")), bytesColumn("server sent", (c) => c.number("server_wire_bytes")),
			...known("turns", countColumn("turns", (c) => c.get("turns"), "requests that were made")), ...known("wait_median_ns", time("wait median", "wait_median_ns")),
			...known("initial_rtt_ns", time("initial RTT", "initial_rtt_ns")), ...known("client_rtt_median_ns", time("RTT median", "client_rtt_median_ns")),
			...(connections.has("client_retransmitted_segments") || connections.has("server_retransmitted_segments") ? [{ ...countColumn("sent again", (c) => c.again, "segments that either end sent again"), screen: true }] : []),
			...known("ended", field("ended", "ended", "110px")),
		],
	});
}

function showHistograms() {
	const write = { bytes: formatBytes, ns: formatDuration };
	byID("histograms").replaceChildren(...(data.histograms ?? []).map((h) => {
		const low = (n) => n === 0 ? 0 : 2 ** (n - 1);
		let joined = h.bins.map((n, i) => [n, low(i), low(i + 1)]).slice(h.bins.findIndex((n) => n > 0));
		while (joined.length > 16) joined = joined.filter((_, i) => i % 2 === 0).map((b, i) => [b[0] + (joined[2 * i + 1]?.[0] ?? 0), b[1], joined[2 * i + 1]?.[2] ?? b[2]]);
		const most = Math.max(...joined.map((b) => b[0])), sum = h.bins.reduce((a, b) => a + b, 0);
		const bins = joined.map(([n, from, to]) => element("div", { class: "bin", title: percent(n, sum) },
			element("span", { class: "soft number" }, to === 1 ? "0" : write[h.unit](from) + " – " + write[h.unit](to)), element("div", { class: n > 0 ? "bar" : null, style: { width: 100 * n / most + "%" } }), element("span", { class: "number" }, formatCount(n))));
		return element("div", { role: "group", "aria-label": h.name }, element("h3", null, h.name), element("p", { class: "note" }, h.doc), ...bins);
	}));
}
