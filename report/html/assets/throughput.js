// Buckets are bytes by bucket of time: a number above 0 is those of one, one below 0 stands
// for so many without any.
class Buckets {
	constructor(runs) {
		const full = runs.filter((n) => n > 0).length;
		this.at = new Float64Array(full); // the buckets that have bytes
		this.sums = new Float64Array(full + 1); // bytes of all before each
		let i = 0, at = 0;
		for (const n of runs) {
			if (n < 0) { at -= n; continue; }
			this.at[i] = at++;
			this.sums[i + 1] = this.sums[i] + n;
			i++;
		}
	}

	// before returns the bytes of all buckets before one.
	before(bucket) {
		let low = 0, high = this.at.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.at[middle] < bucket) low = middle + 1; else high = middle;
		}
		return this.sums[low];
	}

	// sum returns those of the buckets from begin to end-1.
	sum(begin, end) { return this.before(end) - this.before(begin); }
}

// Throughput draws bytes over time, one process on the other.
class Throughput {
	constructor(t) {
		this.data = t;
		this.buckets = t.series.map((s) => ({ s: new Buckets(s.s), r: new Buckets(s.r) }));
		this.hidden = new Set();
		this.names = t.series.map((s) => s.reason ? s.name : s.name + "[" + s.pid + "]");
		this.element = byID("chart");
		byID("direction").addEventListener("change", () => this.draw());
		this.element.addEventListener("keydown", (e) => this.key(e));
		view.watchers.push(() => this.zoomed());
		new ResizeObserver(() => this.resized()).observe(this.element);
		this.legend();
		this.draw();
		byID("throughput-note").textContent = this.note();
	}

	note() {
		const { width, finest } = this.data;
		return "In buckets of " + formatDuration(width) + " or, where many are in view, several of them; link headers included. "
			+ (width > finest ? "The result has buckets of " + formatDuration(finest) + ", which are more than a page holds. " : "")
			+ "What is stacked sums to the packets of the capture, each once.";
	}

	direction() { return byID("direction").value; }
	colorName(i) {
		const s = this.data.series[i];
		return s.reason ? "g" + this.data.series.slice(0, i).filter((o) => o.reason).length % 6 : "c" + i % 10;
	}

	// coarse returns how many buckets are drawn as one: so many that what is in view can
	// be told apart.
	coarse() {
		const most = Math.max(60, (this.element.clientWidth || 600) / 4);
		return Math.max(1, Math.ceil((view.to - view.from) / this.data.width / most));
	}

	// width is that of a drawn bucket, nanoseconds.
	width() { return this.data.width * this.drawn; }

	// sum returns the bytes of a series in a drawn bucket.
	sum(series, i) { return this.buckets[series][this.direction()].sum(i * this.drawn, (i + 1) * this.drawn); }

	// stack returns times in seconds, and for each series, the topmost first, the rate
	// of it and of all below it: of what is in view.
	stack() {
		this.drawn = this.coarse();
		this.count = Math.ceil(this.data.rows / this.drawn);
		const place = (t) => Math.max(0, Math.min(this.count, (t - this.data.begin) / this.width()));
		const begin = Math.floor(place(view.from)), n = Math.max(1, Math.ceil(place(view.to)) - begin), scale = 1e9 / this.width(), columns = [];
		const times = Array.from({ length: n + 1 }, (_, k) => (this.data.begin + (begin + k) * this.width()) / 1e9);
		let below = new Float64Array(n + 1);
		this.data.series.forEach((_, s) => {
			const sum = Float64Array.from(below);
			if (!this.hidden.has(s)) for (let k = 0; k < n; k++) sum[k] += this.sum(s, begin + k) * scale;
			sum[n] = sum[n - 1];
			columns.push(sum);
			below = sum;
		});
		return [times, ...columns.reverse().map((c) => Array.from(c))];
	}

	draw() {
		this.plot?.destroy();
		const axis = { stroke: () => color("soft"), grid: { stroke: () => color("line"), width: 1 }, ticks: { stroke: () => color("line"), width: 1 } };
		const last = this.data.series.length - 1;
		const series = this.data.series.map((_, k) => ({
			stroke: () => color(this.colorName(last - k)), fill: () => color(this.colorName(last - k)), width: 0, points: { show: false },
			paths: uPlot.paths.stepped({ align: 1 }),
		}));
		this.plot = new uPlot({
			width: this.element.clientWidth || 600, height: 270, legend: { show: false },
			cursor: { drag: { x: true, y: false, setScale: true }, points: { show: false }, y: false },
			scales: { x: { time: false, range: () => [view.from / 1e9, Math.max(view.to, view.from + 1) / 1e9] }, y: { range: (u, low, high) => [0, (high || 1) * 1.05] } },
			axes: [{ ...axis, values: (u, all) => all.map((v) => Number(v.toFixed(6)) + " s") }, { ...axis, size: 76, values: (u, all) => all.map(formatRate) }],
			series: [{}, ...series],
			hooks: {
				drawClear: [(u) => this.shade(u)], setCursor: [(u) => this.hover(u)],
				setSelect: [(u) => u.select.width > 0 && view.set(u.posToVal(u.select.left, "x") * 1e9, u.posToVal(u.select.left + u.select.width, "x") * 1e9)],
			},
		}, this.stack(), this.element);
		this.plot.over.addEventListener("dblclick", () => view.all());
		this.plot.over.addEventListener("mouseleave", () => tip("", 0, 0));
	}

	// shade draws the phases behind the chart.
	shade(u) {
		u.ctx.save();
		u.ctx.beginPath();
		u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
		u.ctx.clip();
		const ratio = devicePixelRatio || 1, end = u.bbox.left + u.bbox.width;
		u.ctx.font = 11 * ratio + "px system-ui, sans-serif";
		let line = 0, until = -Infinity; // of the name, of the phase before
		data.phases.rows.forEach((p, i) => {
			line = (p.begin ?? whole.from) < until ? (line + 1) % 3 : 0;
			until = p.end ?? whole.to;
			const from = u.valToPos((p.begin ?? whole.from) / 1e9, "x", true), left = Math.max(u.bbox.left, from), right = Math.min(end, u.valToPos((p.end ?? whole.to) / 1e9, "x", true));
			if (right <= left) return;
			u.ctx.fillStyle = phaseColor(i);
			u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
			u.ctx.fillStyle = color("soft");
			if (from >= left) u.ctx.fillRect(left, u.bbox.top, ratio, u.bbox.height);
			if (right - left > 24 * ratio) u.ctx.fillText(p.name ?? "", left + 4 * ratio, u.bbox.top + (12 + 12 * line) * ratio, right - left - 6 * ratio);
		});
		u.ctx.restore();
	}

	// at words the bucket at an index.
	at(i) {
		const begin = this.data.begin + i * this.width();
		const parts = this.data.series.map((_, k) => [this.sum(k, i), this.names[k], k]).filter((p) => p[0] > 0 && !this.hidden.has(p[2])).sort((a, b) => b[0] - a[0]);
		const sum = parts.reduce((n, p) => n + p[0], 0);
		const lines = parts.slice(0, 12).map((p) => p[1] + "  " + formatBytes(p[0]) + "  " + formatRate(p[0] * 1e9 / this.width()));
		return ["from " + formatMoment(begin) + ", " + formatDuration(this.width()), formatBytes(sum) + "  " + formatRate(sum * 1e9 / this.width()), ...lines].join("\n");
	}

	// bucket returns the index of the bucket under the cursor, -1 without one.
	bucket(u) {
		if (u.cursor.left === null || u.cursor.left < 0) return -1;
		const i = Math.floor((u.posToVal(u.cursor.left, "x") * 1e9 - this.data.begin) / this.width());
		return i >= 0 && i < this.count ? i : -1;
	}

	hover(u) {
		const i = this.bucket(u);
		if (i < 0) return tip("", 0, 0);
		const box = u.over.getBoundingClientRect();
		tip(this.at(i), box.left + u.cursor.left, box.top + (u.cursor.top > 0 ? u.cursor.top : 20));
	}

	key(e) {
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		const keys = {
			"+": () => view.zoom(0.5), "=": () => view.zoom(0.5), "-": () => view.zoom(2), "0": () => view.all(),
			ArrowLeft: () => e.shiftKey ? this.step(-1) : view.move(-0.2), ArrowRight: () => e.shiftKey ? this.step(1) : view.move(0.2),
		};
		if (!keys[e.key]) return;
		keys[e.key]();
		e.preventDefault();
	}

	// step moves the cursor by a bucket and reads what is there.
	step(by) {
		const u = this.plot, now = this.bucket(u);
		const i = Math.max(0, Math.min(this.count - 1, now < 0 ? Math.max(0, Math.floor((view.from - this.data.begin) / this.width())) : now + by));
		const left = u.valToPos((this.data.begin + (i + 0.5) * this.width()) / 1e9, "x");
		u.setCursor({ left, top: 20 });
		byID("reading").textContent = this.at(i).replaceAll("\n", "; ");
	}

	zoomed() {
		this.plot.setData(this.stack(), false);
		this.plot.setScale("x", { min: view.from / 1e9, max: view.to / 1e9 });
		this.plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
	}

	resized() {
		const width = this.element.clientWidth;
		if (width > 0 && width !== this.plot?.width) {
			this.plot.setSize({ width, height: 270 });
			this.plot.setData(this.stack());
		}
	}

	legend() {
		byID("legend").replaceChildren(...this.names.map((name, i) => element("button", {
			type: "button", "aria-pressed": "true", title: "Show or hide",
			onclick: (e) => {
				if (!this.hidden.delete(i)) this.hidden.add(i);
				e.currentTarget.setAttribute("aria-pressed", !this.hidden.has(i));
				this.plot.setData(this.stack());
			},
		}, swatch("var(--" + this.colorName(i) + ")"), name)));
	}
}

function showPhases() {
	byID("phases").replaceChildren(...data.phases.rows.map((p) => element("button", {
		type: "button", title: formatBytes(p.bytes) + ", " + plural(p.packets, "packet"),
		onclick: () => view.set(p.begin ?? whole.from, p.end ?? whole.to),
	}, (p.name || "(no name)") + " " + (p.begin === null || p.end === null ? "" : formatDuration(p.end - p.begin)))),
		...(data.phases.left > 0 ? [element("span", { class: "soft" }, plural(data.phases.left, "more phase") + " left out")] : []));
}

function showRange() {
	byID("range").textContent = view.isAll() ? "" : formatMoment(view.from) + " to " + formatMoment(view.to);
}
