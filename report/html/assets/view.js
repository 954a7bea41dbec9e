// view is the part of the time that the chart and the waterfall show.
const view = {
	from: whole.from,
	to: whole.to,
	watchers: [],

	set(from, to) {
		const least = 1000; // nanoseconds
		if (to - from < least) to = from + least;
		if (to - from >= whole.to - whole.from) [from, to] = [whole.from, whole.to];
		else if (from < whole.from) [from, to] = [whole.from, to + whole.from - from];
		else if (to > whole.to) [from, to] = [from - (to - whole.to), whole.to];
		if (from === this.from && to === this.to) return;
		[this.from, this.to] = [from, to];
		for (const w of this.watchers) w();
	},

	all() { this.set(whole.from, whole.to); },

	// zoom makes what is seen so many times as long, around a moment.
	zoom(factor, around = (this.from + this.to) / 2) {
		this.set(around - (around - this.from) * factor, around + (this.to - around) * factor);
	},

	// move moves it by a part of what is seen.
	move(part) {
		const by = (this.to - this.from) * part;
		this.set(this.from + by, this.to + by);
	},

	isAll() { return this.from === whole.from && this.to === whole.to; },
};
