// What ran, and how complete the evidence is.

// reasons are why a side has an owner, those that name one process first.
const reasons = {
	exact: "its socket was seen held by a process", stream: "the same connection as packets whose owner was seen", wildcard: "a UDP socket without a peer",
	listener: "a listening socket", packet: "the capture itself names the process", ambiguous: "several processes fit", kernel: "the kernel's own",
	unknown: "a local packet whose owner is not known", remote: "another host's", group: "a multicast or broadcast group", undecoded: "its headers could not be read",
	duplicate: "another interface had it before",
};
const reasonColors = { exact: "c2", stream: "c6", wildcard: "c0", listener: "c4", packet: "c5", ambiguous: "c1", unknown: "bad", kernel: "g3", remote: "g1", group: "g0", undecoded: "c8", duplicate: "g2" };

function showRemarks() {
	const list = data.remarks ?? [];
	const remarks = list.map((r) => element("p", { class: "warning" }, r.m, r.h ? element("span", { class: "hint" }, r.h) : null));
	if (list.length === 0) remarks.push(element("p", { class: "warning fine" }, "No packet is known to be lost, nothing was damaged, and every local packet has one known owner."));
	if (data.selected) remarks.push(element("p", { class: "warning fine" }, "Only a selected part of the recording counts on this page, but for the facts and the damage below."));
	for (const table of data.missing ?? []) remarks.push(element("p", { class: "warning" }, "The result does not hold the table " + table + ": what this page would show of it is left out."));
	byID("remarks").replaceChildren(...remarks);
}

function showFacts() {
	const c = data.capture, facts = [];
	const fact = (name, text) => facts.push(element("dt", null, name), element("dd", null, text));
	if (data.host) fact("host", data.host);
	if (data.command?.length) fact("command", data.command.join(" "));
	if (c.last_ns !== undefined) {
		fact("began", formatDate(0));
		fact("lasted", formatDuration(c.last_ns));
	}
	fact("packets", formatCount(c.packets ?? 0));
	fact("on the wire", formatBytes(c.wire_bytes ?? 0) + (c.captured_bytes === undefined ? "" : ", of which " + formatBytes(c.captured_bytes) + " were captured"));
	fact("dropped", c.dropped_packets === undefined ? "the recording does not say" : plural(c.dropped_packets, "packet"));
	if (c.duplicate_packets) fact("duplicates", plural(c.duplicate_packets, "packet") + ", counted where they were seen first");
	if (c.undecoded_packets) fact("undecoded", plural(c.undecoded_packets, "packet"));
	if (data.recording) fact("recording", data.recording);
	for (const f of data.files ?? []) fact("file", f.name + (f.length ? ", " + plural(f.length, "byte") : ""));
	byID("facts").replaceChildren(...facts);
}

function showCoverage() {
	const all = data.coverage ?? [], parts = [];
	for (const [side, name] of [["source", "Who sent"], ["destination", "Who received"]]) {
		const of = all.filter((c) => c.side === side && c.packets > 0), sum = of.reduce((n, c) => n + c.packets, 0);
		const bar = element("div", { class: "share", role: "img", "aria-label": name + ": " + of.map((c) => c.reason + " " + percent(c.packets, sum)).join(", ") },
			...of.map((c) => element("span", { title: c.reason + ": " + percent(c.packets, sum), style: { flexGrow: c.packets / sum, background: "var(--" + (reasonColors[c.reason] ?? "g4") + ")" } })));
		const rows = of.map((c) => [element("span", { title: reasons[c.reason] }, swatch("var(--" + (reasonColors[c.reason] ?? "g4") + ")"), c.reason), element("span", { class: "soft long" }, reasons[c.reason] ?? ""), formatCount(c.packets), percent(c.packets, sum), formatBytes(c.bytes)]);
		parts.push(element("h3", null, name), bar, plainTable(["reason", "", "packets", "", "bytes"], rows, [2, 3, 4]));
	}
	byID("coverage").replaceChildren(...parts);
}

function showDamage() {
	const all = data.damage ?? [];
	if (all.length === 0) return;
	const rows = all.map((d) => [d.file, d.block === null ? "" : formatCount(d.block), d.offset === null ? "" : formatCount(d.offset), d.message, formatCount(d.count)]);
	byID("damage").replaceChildren(element("h3", null, "Damaged places"), plainTable(["file", "block or line", "offset", "what was found", "times"], rows, [1, 2, 4]),
		data.damageLeft > 0 ? element("p", { class: "note" }, plural(data.damageLeft, "more place") + " are left out here.") : "");
}
