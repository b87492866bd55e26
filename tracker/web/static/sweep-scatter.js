// A scatter of two metrics with the Pareto front. One point can have the focus; arrows move it from point to point.
import { shorten, svg } from "./sweep-svg.js";

const height = 340;
const edge = { left: 56, right: 16, top: 14, bottom: 40 };

/** drawScatter draws into a host, and returns what draws anew. */
export function drawScatter(host, filter, paint) {
  let points = new Map(); // by run
  let focused = ""; // the run whose point the Tab key comes to

  function draw() {
    const { x, y, trials, front } = filter.scene;
    const width = Math.max(host.clientWidth, 240);
    const px = (at) => edge.left + at * (width - edge.left - edge.right);
    const py = (at) => height - edge.bottom - at * (height - edge.top - edge.bottom);
    const drawn = trials.filter((t) => t.x !== null && t.y !== null);
    const had = host.contains(document.activeElement);
    if (!drawn.some((t) => t.id === focused)) focused = drawn.find((t) => t.rank === 0)?.id ?? drawn[0]?.id ?? "";
    points = new Map();
    const steps = front.map((i) => trials[i]).map((t, i) => `${i === 0 ? "M" : "L"}${px(t.x).toFixed(1)} ${py(t.y).toFixed(1)}`).join("");
    const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${y.name} against ${x.name}; arrows go from trial to trial` },
      ...x.ticks.map((t) => svg("g", {}, svg("line", { class: "scatter-grid", x1: px(t.at), x2: px(t.at), y1: edge.top, y2: height - edge.bottom }), svg("text", { class: "axis-text", x: px(t.at), y: height - edge.bottom + 16, "text-anchor": "middle" }, t.text))),
      ...y.ticks.map((t) => svg("g", {}, svg("line", { class: "scatter-grid", x1: edge.left, x2: width - edge.right, y1: py(t.at), y2: py(t.at) }), svg("text", { class: "axis-text", x: edge.left - 8, y: py(t.at), dy: "0.32em", "text-anchor": "end" }, t.text))),
      svg("text", { class: "axis-name", x: (edge.left + width - edge.right) / 2, y: height - 6, "text-anchor": "middle" }, shorten(x.name, 40)),
      svg("text", { class: "axis-name", transform: `translate(12 ${height / 2 - 12}) rotate(-90)`, "text-anchor": "middle" }, shorten(y.name, 30)),
      svg("path", { class: "front", d: steps }));
    const onFront = new Set(front);
    trials.forEach((t, i) => {
      if (t.x === null || t.y === null) return;
      const point = svg("a", { href: `/runs/${t.id}`, class: `point${onFront.has(i) ? " on-front" : ""}${i === filter.scene.best ? " best" : ""}`, tabindex: t.id === focused ? 0 : -1, "data-run": t.id, "aria-label": `${t.name}, ${x.name} ${t.xText}, ${y.name} ${t.yText}` },
        svg("circle", { class: "point-hit", cx: px(t.x), cy: py(t.y), r: 11 }), svg("circle", { class: "point-mark", cx: px(t.x), cy: py(t.y), r: onFront.has(i) ? 6 : 4.5 }));
      points.set(t.id, point);
      root.append(point);
    });
    root.addEventListener("pointermove", (event) => {
      // What moves under a pointer that is still is not pointed at.
      if (event.movementX || event.movementY) filter.hover(event.target.closest(".point")?.dataset.run ?? "", event);
    });
    root.addEventListener("pointerleave", () => filter.hover(""));
    root.addEventListener("focusin", (event) => {
      focused = event.target.dataset.run;
      filter.hover(focused, event.target);
    });
    root.addEventListener("focusout", () => filter.hover(""));
    root.addEventListener("keydown", move);
    host.replaceChildren(root);
    if (had) points.get(focused)?.focus();
    if (drawn.length === 0) host.replaceChildren(Object.assign(document.createElement("p"), { className: "sub", textContent: "Nothing has both of these yet." }));
    restyle();
  }

  /** move goes to the next point to the right or left, or up or down. */
  function move(event) {
    const by = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowUp: ["y", 1], ArrowDown: ["y", -1] }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const [side, sign] = by;
    const order = filter.matching().filter((t) => points.has(t.id)).sort((a, b) => sign * (a[side] - b[side]));
    const next = order[order.findIndex((t) => t.id === focused) + 1];
    if (!next) return;
    points.get(focused)?.setAttribute("tabindex", -1);
    points.get(next.id).setAttribute("tabindex", 0);
    points.get(next.id).focus();
  }

  function restyle() {
    const colour = paint();
    for (const trial of filter.scene.trials) {
      const point = points.get(trial.id);
      if (!point) continue;
      point.style.color = colour(trial);
      point.classList.toggle("faded", !filter.passes(trial));
    }
    mark();
  }

  function mark() {
    host.querySelector(".point.hovered")?.classList.remove("hovered");
    points.get(filter.hovered)?.classList.add("hovered");
  }

  filter.addEventListener("filter", restyle);
  filter.addEventListener("hover", mark);
  new ResizeObserver(draw).observe(host);
  return { draw, restyle };
}
