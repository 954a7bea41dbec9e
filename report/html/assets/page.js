// The page as a whole.

// Theme follows the system until the reader switches.
const theme = {
	chosen: "", // "" = as the system
	system: matchMedia("(prefers-color-scheme: dark)"),
	print: false,
	watchers: [],

	apply() {
		const dark = !this.print && (this.chosen || (this.system.matches ? "dark" : "light")) === "dark";
		document.documentElement.dataset.theme = dark ? "dark" : "light";
		byID("theme").textContent = "Theme: " + (this.chosen || "as the system");
		for (const w of this.watchers) w();
	},

	next() {
		const other = this.system.matches ? "light" : "dark", same = this.system.matches ? "dark" : "light";
		this.chosen = { "": other, [other]: same, [same]: "" }[this.chosen];
		this.apply();
	},
};

function options(select, all) {
	byID(select).replaceChildren(...all.map(([value, text]) => element("option", { value }, text)));
}

function start() {
	theme.apply();
	byID("theme").addEventListener("click", () => theme.next());
	theme.system.addEventListener("change", () => theme.apply());
	showRemarks();
	showFacts();
	showCoverage();
	showDamage();
	showPhases();
	const protocols = new Set(allConnections.flatMap((c) => [c.get("protocol"), c.get("application")]).filter(Boolean));
	options("protocol", [["", "all"], ...[...protocols].sort().map((p) => [p, p])]);
	options("phase", [["", "all of the time"], ...data.phases.rows.map((p, i) => [i, p.name || "(no name)"])]);
	byID("phase").parentElement.hidden = data.phases.rows.length === 0;
	byID("focus-label").hidden = !allConnections.some((c) => c.inCommand());
	byID("focus").checked = data.focused && !byID("focus-label").hidden;
	const chart = data.throughput ? new Throughput(data.throughput) : null;
	if (chart === null) {
		byID("throughput").querySelector(".controls").hidden = true;
		byID("throughput-note").textContent = "The result does not say what was exchanged when, or has no packets.";
	}
	const waterfall = new Waterfall();
	byID("waterfall-key").replaceChildren(...[
		...(connections.has("lookup_first_ns") ? [["lookup", "looking up the name"]] : []), ...(connections.has("initial_rtt_ns") ? [["connect", "connecting"]] : []),
		...(connections.has("tls_handshake_ns") ? [["tls", "TLS handshake"]] : []), ...(data.activity ? [["client", "the client sends"], ["server", "the server sends"]] : [["client", "from first to last packet"]]),
		...(connections.has("server_first_byte_ns") ? [["wait", "waiting for the first answer"]] : []), ["idle", "idle"], ...(connections.has("ended") ? [["bad", "reset, ↻ sent again" + (data.activity?.resent ? ", marked below the bar" : "")]] : []),
	].map(([name, text]) => element("span", null, swatch("var(--" + name + ")"), text)));
	showProcesses();
	showEndpoints();
	showConnections();
	showHistograms();
	const zooms = { "zoom-in": () => view.zoom(0.5), "zoom-out": () => view.zoom(2), "zoom-left": () => view.move(-0.2), "zoom-right": () => view.move(0.2), "zoom-all": () => view.all() };
	for (const [id, f] of Object.entries(zooms)) byID(id).addEventListener("click", f);
	view.watchers.push(showRange);
	theme.watchers.push(() => chart?.draw(), () => waterfall.rows.draw());
	addEventListener("beforeprint", () => paper(true));
	addEventListener("afterprint", () => paper(false));
	byID("made").textContent = "Made by " + (data.tool || "pcapwho") + ". This page loads and sends nothing.";
}

// paper makes the page fit for paper: in light colours, the first rows of each list.
function paper(on) {
	theme.print = on;
	for (const r of Rows.all) r.print(on);
	theme.apply();
}

start();
