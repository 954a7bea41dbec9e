// Waterfall shows one bar a connection, below the processes that they are of.
class Waterfall {
	constructor() {
		this.folded = new Set();
		this.lines = [];
		this.canvas = element("canvas", { "aria-hidden": "true" });
		this.ticks = element("div", { class: "ticks" });
		this.rows = new Rows(byID("waterfall-list"), {
			label: "Connections over time. Arrows move, left and right fold a process, Enter shows all that is known.", class: "waterfall", role: "treegrid",
			make: (i) => this.line(this.lines[i]), drawn: (begin, end) => this.draw(begin, end),
			activate: (i, e) => this.activate(i, e), fold: (i, open) => this.fold(i, open), select: () => 0,
		});
		this.rows.head.append(element("div", { role: "columnheader", class: "cell" }, "process or connection"), element("div", { role: "columnheader", "aria-label": "time" }, this.ticks));
		for (const id of ["filter", "protocol", "phase", "order", "grouped", "focus"]) byID(id).addEventListener("input", () => this.show());
		this.rows.body.addEventListener("mousemove", (e) => this.hover(e));
		this.rows.body.addEventListener("mouseleave", () => tip("", 0, 0));
		this.rows.element.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
		view.watchers.push(() => this.show());
		this.show();
	}

	// chosen returns the connections that the controls and the view let through.
	chosen() {
		const words = byID("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
		const protocol = byID("protocol").value, phase = byID("phase").value, focus = byID("focus").checked;
		return allConnections.filter((c) => c.last >= view.from && c.begin <= view.to && (phase === "" || c.inPhase(Number(phase)))
			&& (protocol === "" || c.get("protocol") === protocol || c.get("application") === protocol)
			&& (!focus || c.inCommand()) && words.every((w) => c.search.includes(w)));
	}

	show() {
		const orders = { first: (a, b) => a.first - b.first, duration: (a, b) => b.duration - a.duration, bytes: (a, b) => b.bytes - a.bytes, name: (a, b) => a.text < b.text ? -1 : a.text > b.text ? 1 : 0 };
		const all = this.chosen().sort((a, b) => orders[byID("order").value](a, b) || a.row - b.row);
		this.lines = byID("grouped").checked ? this.group(all) : all.map((c) => ({ connection: c, depth: 0 }));
		const left = data.connections.left ?? 0;
		byID("waterfall-count").textContent = plural(all.length, "connection") + (all.length === allConnections.length ? "" : " of " + formatCount(allConnections.length))
			+ (left > 0 ? "; " + formatCount(left) + " smaller ones, " + formatBytes(data.connections.leftBytes) + " in all, are not on this page" : "");
		this.axis();
		this.rows.show(this.lines.length);
	}

	// group puts connections below their processes, and these below their parents.
	group(all) {
		const own = new Map(), children = new Map(), lines = [];
		const parent = (p) => data.processes.parents[p];
		for (const c of all) {
			const key = c.owner >= 0 ? c.owner : "no process: " + (c.get("client_reason") ?? "unknown");
			if (!own.has(key)) own.set(key, []);
			own.get(key).push(c);
		}
		const needed = new Set();
		for (const key of own.keys()) for (let p = key; typeof p === "number" && p >= 0 && !needed.has(p); p = parent(p)) needed.add(p);
		for (const p of [...needed].sort((a, b) => a - b)) {
			if (!children.has(parent(p))) children.set(parent(p), []);
			children.get(parent(p)).push(p);
		}
		const sums = new Map();
		for (const p of [...needed].sort((a, b) => b - a)) { // children come after their parents
			const s = sums.get(p) ?? { count: 0, bytes: 0 };
			for (const c of own.get(p) ?? []) { s.count++; s.bytes += c.bytes; }
			sums.set(p, s);
			const up = sums.get(parent(p)) ?? { count: 0, bytes: 0 };
			sums.set(parent(p), { count: up.count + s.count, bytes: up.bytes + s.bytes });
		}
		const top = (p) => { // what only leads to one other is left out
			while (!own.has(p) && children.get(p)?.length === 1) [p] = children.get(p);
			return p;
		};
		const stack = [...(children.get(-1) ?? [])].reverse().map((p) => [top(p), 0]);
		while (stack.length > 0) {
			const [p, depth] = stack.pop();
			lines.push({ process: p, key: p, name: processName(p), depth, ...sums.get(p) });
			if (this.folded.has(p)) continue;
			for (const c of own.get(p) ?? []) lines.push({ connection: c, depth: depth + 1 });
			for (const q of [...(children.get(p) ?? [])].reverse()) stack.push([q, depth + 1]);
		}
		for (const [key, list] of own) {
			if (typeof key === "number") continue;
			lines.push({ key, name: key, depth: 0, count: list.length, bytes: list.reduce((n, c) => n + c.bytes, 0) });
			if (!this.folded.has(key)) for (const c of list) lines.push({ connection: c, depth: 1 });
		}
		return lines;
	}

	line(l) {
		const indent = { paddingLeft: "calc(6px + " + Math.min(l.depth, 12) + " * var(--indent))" };
		if (l.connection) {
			const c = l.connection, below = byID("grouped").checked && c.client >= 0; // the line of its client
			const name = element("div", { class: "name", role: "gridcell", style: indent }, element("span", { class: "soft" }, c.get("application") ?? c.get("protocol")), element("span", { class: "text" }, below ? "→ " + c.serverText : c.text), element("span", { class: "amount" }, formatBytes(c.bytes)));
			return element("div", { "data-connection": c.get("connection_id"), "aria-level": l.depth + 1, "aria-label": c.text + ", " + formatMoment(c.first) + ", " + formatDuration(c.duration) + ", " + formatBytes(c.bytes) }, name);
		}
		const open = !this.folded.has(l.key);
		const name = element("div", { class: "name group", role: "gridcell", style: indent }, element("span", { class: "fold", "aria-hidden": "true" }, open ? "▾" : "▸"),
			element("span", { class: "text" }, l.name), element("span", { class: "amount" }, formatCount(l.count) + " · " + formatBytes(l.bytes)));
		return element("div", { "data-group": l.name, "aria-level": l.depth + 1, "aria-expanded": String(open), "aria-label": l.name + ", " + plural(l.count, "connection") }, name);
	}

	fold(i, open) {
		const l = this.lines[i];
		if (l.connection) {
			if (!open) for (let k = i - 1; k >= 0; k--) if (!this.lines[k].connection) return this.rows.select(k);
			return;
		}
		if (open === !this.folded.has(l.key)) return;
		if (open) this.folded.delete(l.key); else this.folded.add(l.key);
		this.show();
	}

	activate(i) {
		const l = this.lines[i];
		if (l.connection) showDetail(l.connection);
		else this.fold(i, this.folded.has(l.key));
	}

	// axis writes the times above the bars.
	axis() {
		const length = view.to - view.from, rough = length / 6, ten = 10 ** Math.floor(Math.log10(rough));
		const step = [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= rough), marks = [];
		const digits = Math.max(0, Math.min(9, -Math.floor(Math.log10(step / 1e9) + 1e-9)));
		for (let t = Math.ceil(view.from / step) * step; t < view.to; t += step) marks.push(element("span", { style: { left: 100 * (t - view.from) / length + "%" } }, (t / 1e9).toFixed(digits) + " s"));
		this.ticks.replaceChildren(...marks);
	}

	// draw draws the bars of the lines from begin to end-1.
	draw(begin, end) {
		const label = parseFloat(getComputedStyle(this.rows.element).getPropertyValue("--label")), h = this.rows.height;
		const width = Math.max(10, this.rows.body.clientWidth - label), ratio = devicePixelRatio || 1;
		Object.assign(this.canvas.style, { top: begin * h + "px", width: width + "px", height: (end - begin) * h + "px" });
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round((end - begin) * h * ratio);
		const g = this.canvas.getContext("2d");
		g.scale(ratio, ratio);
		const paint = Object.fromEntries(["soft", "lookup", "connect", "tls", "wait", "client", "server", "idle", "bad", "paper"].map((n) => [n, color(n)]));
		const x = (t) => (t - view.from) / (view.to - view.from) * width;
		data.phases.rows.forEach((p, i) => {
			const from = x(p.begin ?? whole.from), left = Math.max(0, from), right = Math.min(width, x(p.end ?? whole.to));
			if (right <= left) return;
			g.fillStyle = phaseColor(i);
			g.fillRect(left, 0, right - left, (end - begin) * h);
			g.fillStyle = paint.soft;
			if (from >= 0) g.fillRect(left, 0, 0.5, (end - begin) * h);
		});
		for (let i = begin; i < end; i++) if (this.lines[i].connection) this.bar(g, this.lines[i].connection, (i - begin) * h, x, width, paint);
		return [this.canvas];
	}

	// bar draws one connection.
	bar(g, c, top, x, width, paint) {
		const part = (from, to, y, height, fill, least = 1) => {
			const a = Math.max(0, x(from)), b = Math.min(width, Math.max(x(to), x(from) + least));
			if (b <= 0 || a >= width) return;
			g.fillStyle = fill;
			g.fillRect(a, top + y, Math.max(b - a, 0.5), height);
		};
		const { lookup, connect, tls, wait } = c.steps;
		if (lookup) {
			part(lookup[1], c.first, 12, 1, paint.lookup, 0);
			part(lookup[0], lookup[1], 6, 14, paint.lookup, 2);
		}
		part(c.first, c.last, 11, 3, paint.idle, 2);
		if (wait) part(wait[0], wait[1], 9, 7, paint.wait, 1);
		const known = c.stretches((from, to, client) => {
			const up = Math.round(14 * client / 16);
			if (up > 0) part(from, to, 6, up, paint.client, 2);
			if (up < 14) part(from, to, 6 + up, 14 - up, paint.server, 2);
		});
		if (!known) part(c.first, c.last, 8, 10, paint.client, 2);
		if (tls) part(tls[0], tls[1], 6, 14, paint.tls, 1);
		if (connect) part(connect[0], connect[1], 6, 14, paint.connect, 1);
		c.resent((from, to) => part(from, to, 20, 5, paint.bad, 2));
		const ended = c.get("ended");
		if (ended === "client_reset" || ended === "server_reset") part(c.last, c.last, 3, 20, paint.bad, 2);
		if (c.again > 0) {
			g.font = "11px system-ui, sans-serif";
			const text = "↻ " + formatCount(c.again), room = g.measureText(text).width + 4, at = Math.min(Math.max(x(c.last) + 4, 0), width - room);
			if (x(c.last) < 0 || x(c.first) > width) return;
			g.fillStyle = paint.paper;
			g.fillRect(at - 2, top + 5, room + 2, 16);
			g.fillStyle = paint.bad;
			g.fillText(text, at, top + 17);
		}
	}

	hover(e) {
		const row = e.target.closest(".row"), l = row && this.lines[Number(row.dataset.row)];
		if (!l?.connection) return tip("", 0, 0);
		const box = this.ticks.getBoundingClientRect(), dot = (view.to - view.from) / box.width;
		const at = view.from + (e.clientX - box.left) * dot, told = [];
		l.connection.resent((from, to, n) => { // within three dots
			if (from - 3 * dot <= at && at <= to + 5 * dot && told.length < 5) told.push("↻ " + plural(n, "segment") + " sent again at " + formatMoment(from) + (to > from ? " to " + formatMoment(to) : ""));
		});
		tip([summary(l.connection), ...told].join("\n"), e.clientX, e.clientY);
	}

	// wheel zooms with Ctrl around the pointer.
	wheel(e) {
		if (!e.ctrlKey) return;
		e.preventDefault();
		const box = this.ticks.getBoundingClientRect();
		view.zoom(e.deltaY > 0 ? 1.25 : 0.8, view.from + Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * (view.to - view.from));
	}
}

// summary is what the tip tells of a connection.
function summary(c) {
	const lines = [c.get("protocol") + " " + c.get("client_ip") + ":" + c.get("client_port") + " " + c.owned("client"), "→ " + c.serverText,
		"from " + formatMoment(c.first) + ", " + formatDuration(c.duration), "client " + formatBytes(c.number("client_wire_bytes")) + ", server " + formatBytes(c.number("server_wire_bytes"))];
	const told = { lookup: "name looked up in ", connect: "connected in ", tls: "TLS handshake in ", wait: "first answer after " };
	for (const [step, words] of Object.entries(told)) if (c.steps[step]) lines.push(words + formatDuration(c.steps[step][1] - c.steps[step][0]));
	if (c.get("turns")) lines.push(plural(c.get("turns"), "turn") + (c.get("wait_median_ns") === null ? "" : ", usually answered after " + formatDuration(c.get("wait_median_ns"))));
	if (c.again > 0) lines.push(plural(c.again, "segment") + " sent again");
	if (c.get("ended")) lines.push("ended: " + c.get("ended"));
	return lines.join("\n");
}

// showDetail shows all that the page knows of a connection.
function showDetail(c) {
	const fields = [];
	for (const name of Object.keys(connections.columns)) {
		const v = c.get(name);
		if (v === null) continue;
		const text = /(first|last|start)_ns$/.test(name) ? formatMoment(v) : name.endsWith("_ns") ? formatDuration(v) : name.endsWith("bytes") ? formatBytes(v) : typeof v === "number" && !name.endsWith("port") && !name.endsWith("pid") && name !== "connection_id" ? formatCount(v) : String(v);
		fields.push(element("div", null, element("dt", null, name.replace(/_ns$/, "").replaceAll("_", " ")), element("dd", null, text)));
	}
	byID("detail").replaceChildren(element("strong", null, c.text), element("dl", null, ...fields));
}
