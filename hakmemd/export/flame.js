// The flame graph's hands: hover, zoom by click, search. Runs inside the SVG,
// asks nobody for anything.
"use strict";
(function () {
	const svg = document.documentElement;
	const width = Number(svg.getAttribute("data-width"));
	const pad = Number(svg.getAttribute("data-pad"));
	const inner = width - 2 * pad;
	const details = document.getElementById("details");
	const matched = document.getElementById("matched");
	const reset = document.getElementById("reset");
	const frames = Array.from(document.querySelectorAll("g.f"), (g) => ({
		g: g,
		rect: g.querySelector("rect"),
		text: g.querySelector("text"),
		title: g.querySelector("title").textContent,
		x: Number(g.getAttribute("data-x")), // shares of the whole
		w: Number(g.getAttribute("data-w")),
		y: Number(g.querySelector("rect").getAttribute("y")),
	}));

	for (const f of frames) {
		f.name = f.title.split("\n")[0];
		f.fill = f.rect.getAttribute("fill");
	}

	// As many letters as there is room for.
	function label(f, pixels) {
		const letters = Math.floor((pixels - 4) / 7);
		const name = Array.from(f.name);

		if (letters < 3)
			return "";
		if (name.length <= letters)
			return f.name;
		return name.slice(0, letters - 2).join("") + "..";
	}

	function place(f, x, w) {
		f.rect.setAttribute("x", pad + x * inner);
		f.rect.setAttribute("width", w * inner);
		f.text.setAttribute("x", pad + x * inner + 3);
		f.text.textContent = label(f, w * inner);
		f.g.style.display = "";
	}

	// The part [x, x + w) fills the width; what holds it stays, pale.
	function zoom(to) {
		const slack = to.w * 1e-6;

		for (const f of frames) {
			const holds = f.y <= to.y && f.x <= to.x + slack &&
				      f.x + f.w >= to.x + to.w - slack;
			const inside = f.y >= to.y && f.x >= to.x - slack &&
				       f.x + f.w <= to.x + to.w + slack;

			f.g.style.opacity = holds && f !== to ? 0.5 : 1;
			if (holds)
				place(f, 0, 1);
			else if (inside)
				place(f, (f.x - to.x) / to.w, f.w / to.w);
			else
				f.g.style.display = "none";
		}
		reset.style.display = to === frames[0] ? "none" : "";
	}

	// What matches is counted once, however deep it nests.
	function search(pattern) {
		let share = 0, wanted = null;
		const spans = [];

		try {
			wanted = pattern ? new RegExp(pattern, "i") : null;
		} catch (error) {
			matched.textContent = "no regular expression: " + pattern;
			return;
		}
		for (const f of frames) {
			const hit = wanted !== null && wanted.test(f.name);

			f.rect.setAttribute("fill", hit ? "#7fb8ff" : f.fill);
			if (hit)
				spans.push([f.x, f.x + f.w]);
		}
		spans.sort((a, b) => a[0] - b[0]);
		let end = 0;
		for (const span of spans) {
			share += Math.max(0, span[1] - Math.max(end, span[0]));
			end = Math.max(end, span[1]);
		}
		matched.textContent = wanted === null ? "" :
			"matched: " + (100 * share).toFixed(1) + " %";
	}

	function ask() {
		const pattern = prompt("Search for functions (regular expression):", "");

		if (pattern !== null)
			search(pattern);
	}

	for (const f of frames) {
		f.g.addEventListener("click", () => zoom(f));
		f.g.addEventListener("mouseover", () => {
			details.textContent = f.title.split("\n").join(", ");
		});
		f.g.addEventListener("mouseout", () => {
			details.textContent = "";
		});
	}
	reset.addEventListener("click", () => zoom(frames[0]));
	document.getElementById("search").addEventListener("click", ask);
	window.addEventListener("keydown", (event) => {
		if (event.key === "F3" || (event.ctrlKey && event.key === "f")) {
			event.preventDefault();
			ask();
		} else if (event.key === "Escape") {
			search("");
			zoom(frames[0]);
		}
	});
	// flame.svg#zoom=NAME&search=PATTERN opens as somebody left it.
	for (const part of location.hash.slice(1).split("&")) {
		const at = part.indexOf("=");
		const value = decodeURIComponent(part.slice(at + 1));

		if (part.startsWith("search="))
			search(value);
		if (part.startsWith("zoom="))
			zoom(frames.find((f) => f.name === value) || frames[0]);
	}
})();
