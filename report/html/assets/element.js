// element makes an element. What is in it is text, or other elements: nothing that a
// recording says is ever read as markup.
function element(tag, properties, ...children) {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(properties || {})) {
		if (value === null || value === undefined || value === false) continue;
		if (name === "class") e.className = value;
		else if (name === "style") Object.assign(e.style, value);
		else if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
		else e.setAttribute(name, value === true ? "" : value);
	}
	e.append(...children.filter((c) => c !== null && c !== undefined).map((c) => c instanceof Node ? c : visible(String(c))));
	return e;
}

// visible writes out what is not seen, and could change how the rest is: controls and marks
// of writing direction.
const visible = (text) => text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");

const byID = (id) => document.getElementById(id);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const phaseColor = (i) => color("phase" + i % 2); // those beside each other differ
const swatch = (background) => element("span", { class: "swatch", style: { background }, "aria-hidden": "true" });

// tip shows a text beside the pointer, "" hides it.
function tip(text, x, y) {
	const t = byID("tip");
	t.hidden = text === "";
	if (t.hidden) return;
	t.textContent = text.split("\n").map(visible).join("\n");
	const { width, height } = t.getBoundingClientRect();
	t.style.left = Math.max(4, Math.min(x + 14, innerWidth - width - 8)) + "px";
	t.style.top = (y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18) + "px";
}

// plainRow is one row of a plain table, of which the columns numeric are numbers.
const plainRow = (tag, cells, numeric) => element("tr", null, ...cells.map((c, i) => element(tag, { class: numeric.includes(i) ? "number" : null, scope: tag === "th" ? "col" : null }, c)));

function plainTable(head, rows, numeric) {
	return element("table", { class: "plain" }, element("thead", null, plainRow("th", head, numeric)), element("tbody", null, ...rows.map((r) => plainRow("td", r, numeric))));
}
