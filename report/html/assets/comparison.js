"use strict";

// The colours are those of the system, on paper the light ones.
const system = matchMedia("(prefers-color-scheme: dark)");
function paint(paper) {
	document.documentElement.dataset.theme = system.matches && !paper ? "dark" : "light";
}
paint(false);
system.addEventListener("change", () => paint(false));
addEventListener("beforeprint", () => paint(true));
addEventListener("afterprint", () => paint(false));
