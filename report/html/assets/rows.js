// Rows is a list of which only the rows in view exist, however many there are. Its
// element takes the focus, and the keys move an active row.
class Rows {
	// options: label and role of the element; make(i) makes row i; activate(i) is
	// called for Enter, a click and fold(i, open) for the arrows to the sides;
	// drawn(begin, end) when rows begin to end-1 were made; print(on) before it is for
	// paper, and after.
	constructor(host, options) {
		this.options = options;
		this.height = 26;
		this.count = 0;
		this.active = -1;
		this.id = "rows" + Rows.made++;
		this.head = element("div", { class: "head", role: "row" });
		this.body = element("div", { class: "body", role: "rowgroup" });
		this.element = element("div", { class: "grid " + (options.class || ""), role: options.role || "grid", tabindex: "0", "aria-label": options.label }, this.head, this.body);
		this.element.addEventListener("scroll", () => this.later(), { passive: true });
		this.element.addEventListener("keydown", (e) => this.key(e));
		this.body.addEventListener("click", (e) => this.click(e));
		new ResizeObserver(() => this.later()).observe(this.element);
		this.note = element("p", { class: "note", hidden: true });
		host.replaceChildren(this.element, this.note);
		Rows.all.push(this);
	}

	// show shows so many rows anew.
	show(count) {
		this.count = count;
		this.active = Math.min(this.active, count - 1);
		this.element.setAttribute("aria-rowcount", count + 1);
		this.body.style.height = count * this.height + "px";
		this.draw();
	}

	later() {
		if (this.waiting) return;
		this.waiting = true;
		requestAnimationFrame(() => {
			this.waiting = false;
			this.draw();
		});
	}

	draw() {
		const most = this.printing ? Rows.printed : Math.ceil((this.element.clientHeight || 600) / this.height) + 12;
		const begin = this.printing ? 0 : Math.max(0, Math.min(Math.floor(this.element.scrollTop / this.height) - 6, this.count - 1));
		const end = Math.min(this.count, begin + most);
		const rows = [];
		for (let i = begin; i < end; i++) {
			const row = this.options.make(i);
			row.classList.add("row");
			row.classList.toggle("active", i === this.active);
			row.id = this.id + "-" + i;
			row.dataset.row = i;
			row.setAttribute("role", "row");
			row.setAttribute("aria-rowindex", i + 2);
			row.setAttribute("aria-selected", i === this.active);
			row.style.top = i * this.height + "px";
			rows.push(row);
		}
		this.body.replaceChildren(...rows, ...(this.options.drawn ? this.options.drawn(begin, end) : []));
		if (this.active >= begin && this.active < end) this.element.setAttribute("aria-activedescendant", this.id + "-" + this.active);
		else this.element.removeAttribute("aria-activedescendant");
	}

	// select makes a row the active one and brings it into view.
	select(i) {
		if (this.count === 0) return;
		this.active = Math.max(0, Math.min(i, this.count - 1));
		const top = this.active * this.height, room = this.element.clientHeight - this.head.offsetHeight;
		if (top < this.element.scrollTop) this.element.scrollTop = top;
		else if (top + this.height > this.element.scrollTop + room) this.element.scrollTop = top + this.height - room;
		this.draw();
		if (this.options.select) this.options.select(this.active);
	}

	key(e) {
		if (e.target !== this.element || e.ctrlKey || e.metaKey || e.altKey) return;
		const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 2);
		const to = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: this.count - 1 }[e.key];
		if (to !== undefined) this.select(to);
		else if ((e.key === "Enter" || e.key === " ") && this.active >= 0) this.options.activate?.(this.active);
		else if ((e.key === "ArrowLeft" || e.key === "ArrowRight") && this.active >= 0 && this.options.fold) this.options.fold(this.active, e.key === "ArrowRight");
		else return;
		e.preventDefault();
	}

	click(e) {
		const row = e.target.closest(".row");
		if (!row) return;
		this.select(Number(row.dataset.row));
		this.options.activate?.(this.active, e);
	}

	// print makes the first rows, for paper.
	print(on) {
		this.printing = on;
		this.options.print?.(on);
		this.note.hidden = !on || this.count <= Rows.printed;
		this.note.textContent = plural(this.count - Rows.printed, "more row") + " left out on paper";
		this.body.style.height = (on ? Math.min(this.count, Rows.printed) : this.count) * this.height + "px";
		this.draw();
	}
}

Rows.made = 0;
Rows.all = [];
Rows.printed = 100;
