"use strict";

// scaled writes a number with three digits and the unit that fits.
function scaled(n, step, units) {
	let i = 0;
	while (Math.abs(n) >= 999.5 && i < units.length - 1) {
		n /= step;
		i++;
	}
	const digits = i === 0 || Math.abs(n) >= 99.95 ? 0 : Math.abs(n) >= 9.995 ? 1 : 2;
	return n.toFixed(digits) + " " + units[i];
}

const formatBytes = (n) => scaled(n, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);
const formatRate = (n) => scaled(n, 1000, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]);
const formatCount = (n) => n.toLocaleString("en-US");
const plural = (n, noun) => formatCount(n) + " " + noun + (n === 1 ? "" : "s");

// formatDuration writes nanoseconds.
function formatDuration(ns) {
	if (Math.abs(ns) < 1e9) return scaled(ns, 1000, ["ns", "µs", "ms"]);
	const s = ns / 1e9;
	if (s < 120) return s.toFixed(s < 10 ? 3 : 2) + " s";
	if (s < 7200) return Math.floor(s / 60) + " min " + Math.round(s % 60) + " s";
	return Math.floor(s / 3600) + " h " + Math.round((s % 3600) / 60) + " min";
}

// formatMoment writes nanoseconds since the first packet.
const formatMoment = (ns) => (ns < 0 ? "−" : "+") + (Math.abs(ns) / 1e9).toFixed(6) + " s";

// formatDate writes nanoseconds since the first packet as a date.
function formatDate(ns) {
	const unix = BigInt(data.origin) + BigInt(Math.round(ns));
	const date = new Date(Number(unix / 1000000n));
	return isNaN(date) ? "no time" : date.toISOString().replace("T", " ").replace("Z", " UTC");
}

const percent = (part, whole) => whole === 0 ? "0 %" : (100 * part / whole).toFixed(part === whole ? 0 : 1) + " %";
