// Grid is a table that can be sorted by its heads and searched. A column has a name,
// text(row), value(row) to sort by, number where it is one, width, screen where it is not for paper, and may have a
// cell(row) of its own.
class Grid {
	constructor(section, options) {
		this.options = options;
		this.all = options.rows;
		this.sorted = options.sorted ?? null;
		this.down = true;
		this.search = section.querySelector("input[type=search]");
		this.told = section.querySelector("output");
		this.rows = new Rows(section.querySelector(".list"), {
			label: options.label, make: (i) => this.row(this.shown[i]), activate: options.activate && ((i) => options.activate(this.shown[i])),
			print: (on) => this.fit(on),
		});
		this.fit(false);
		this.search.addEventListener("input", () => this.show());
		this.show();
	}

	// fit sets the columns for the screen, where the table may be wider than its place, or
	// for paper, without those that are for the screen alone.
	fit(paper) {
		this.columns = this.options.columns.filter((c) => !paper || !c.screen);
		this.template = this.columns.map((c) => paper ? "minmax(0, " + c.width.match(/\d+/)[0] + "fr)" : c.width).join(" ");
		this.least = paper ? "0" : this.options.least + "px";
		if (this.shown) this.head();
	}

	head() {
		this.rows.head.style.gridTemplateColumns = this.template;
		this.rows.head.style.minWidth = this.rows.body.style.minWidth = this.least;
		const focused = this.rows.head.contains(document.activeElement) ? [...this.rows.head.querySelectorAll("button")].indexOf(document.activeElement) : -1;
		this.rows.head.replaceChildren(...this.columns.map((c) => {
			const mark = this.sorted !== c ? "" : this.down ? " ▾" : " ▴";
			return element("div", { role: "columnheader", class: c.number ? "number" : null, "aria-sort": this.sorted !== c ? "none" : this.down ? "descending" : "ascending" },
				element("button", { type: "button", title: c.doc, onclick: () => this.sort(c) }, c.name + mark));
		}));
		if (focused >= 0) this.rows.head.querySelectorAll("button")[focused].focus();
	}

	// sort sorts by a column; again, the other way.
	sort(c) {
		this.down = this.sorted === c ? !this.down : Boolean(c.number);
		this.sorted = c;
		this.options.onsort?.();
		this.show();
	}

	show() {
		const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
		this.shown = this.all.filter((r) => words.every((w) => this.options.text(r).includes(w)));
		if (this.sorted) {
			const { value } = this.sorted, sign = this.down ? -1 : 1;
			const order = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -sign : sign;
			this.shown = this.shown.map((r, i) => [value(r), i, r]).sort((a, b) => order(a[0], b[0]) || a[1] - b[1]).map((x) => x[2]);
		}
		this.told.textContent = this.options.told(this.shown.length);
		this.head();
		this.rows.show(this.shown.length);
	}

	row(r) {
		const row = element("div", { style: { gridTemplateColumns: this.template } }, ...this.columns.map((c) => {
			const text = c.text(r);
			return element("div", { role: "gridcell", class: "cell" + (c.number ? " number" : ""), title: c.number ? null : text }, c.cell ? c.cell(r) : text);
		}));
		return row;
	}
}
