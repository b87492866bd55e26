// Parallel coordinates: an axis for each setting and one for the objective, a line for each trial. Dragging along an
// axis keeps the trials that pass there.
import { shorten, svg } from "./sweep-svg.js";

const height = 330;
const top = 46;
const bottom = 18;
const reach = 14; // pixels from a line within which the pointer means it
const nudge = 0.05; // by how much a key moves a brush's end

/** drawParallel draws into a host, and returns what draws anew. */
export function drawParallel(host, filter, paint) {
  const place = (at) => top + (1 - at) * (height - top - bottom);
  const back = (y) => Math.min(Math.max(1 - (y - top) / (height - top - bottom), 0), 1);
  let lines = new Map(); // by run

  function x(i, width) {
    const n = filter.scene.axes.length;
    const edge = Math.min(90, width / (n + 1));
    return n === 1 ? width / 2 : edge + (i * (width - 2 * edge)) / (n - 1);
  }

  function draw() {
    const { axes, trials } = filter.scene;
    const width = Math.max(host.clientWidth, axes.length * 112);
    const focused = host.querySelector(".axis:focus")?.dataset.name;
    lines = new Map();
    const paths = svg("g", { class: "parallel-lines" });
    const order = [...trials].sort((a, b) => b.rank - a.rank); // the best lie on top
    for (const trial of order) {
      const line = svg("path", { class: "parallel-line", d: path(trial, width), "data-run": trial.id });
      lines.set(trial.id, line);
      paths.append(line);
    }
    const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Parallel coordinates" }, paths, ...axes.map((axis, i) => drawAxis(axis, i, width)));
    root.addEventListener("pointermove", (event) => {
      // What moves under a pointer that is still is not pointed at.
      if (event.movementX || event.movementY) filter.hover(nearest(event, root, width), event);
    });
    root.addEventListener("pointerleave", () => filter.hover(""));
    root.addEventListener("click", (event) => {
      if (filter.hovered && !event.target.closest(".axis")) location.assign(`/runs/${filter.hovered}`);
    });
    host.replaceChildren(root);
    if (focused) host.querySelector(`.axis[data-name="${CSS.escape(focused)}"]`)?.focus();
    restyle();
  }

  /** path goes from axis to axis; what a trial lacks leaves a gap. */
  function path(trial, width) {
    let d = "";
    let pen = "M";
    trial.at.forEach((at, i) => {
      if (at === null) {
        pen = "M";
        return;
      }
      d += `${pen}${x(i, width).toFixed(1)} ${place(at).toFixed(1)}`;
      pen = "L";
    });
    return d;
  }

  /** nearest is the trial whose line lies nearest above or below the pointer, "" if none is near: lines are thin. */
  function nearest(event, root, width) {
    const box = root.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const n = filter.scene.axes.length;
    const i = Math.min(Math.max(Math.floor(((px - x(0, width)) / (x(n - 1, width) - x(0, width))) * (n - 1)), 0), n - 2);
    const share = (px - x(i, width)) / (x(i + 1, width) - x(i, width));
    let found = "";
    let least = reach;
    for (const trial of filter.scene.trials) {
      const [a, b] = [trial.at[i] ?? null, trial.at[i + 1] ?? null];
      if (a === null || b === null || share < 0 || share > 1 || !filter.passes(trial)) continue;
      const far = Math.abs(place(a + share * (b - a)) - py);
      if (far < least) [found, least] = [trial.id, far];
    }
    return found;
  }

  function drawAxis(axis, i, width) {
    const at = x(i, width);
    const brush = svg("rect", { class: "axis-brush", x: -11, width: 22, rx: 3 });
    const hit = svg("rect", { class: "axis-hit", x: -16, width: 32, y: top - 6, height: height - top - bottom + 12 });
    const labels = axis.ticks.map((t) => svg("g", { transform: `translate(0 ${place(t.at)})` },
      svg("line", { class: "axis-tick", x1: -4, x2: 4 }), svg("text", { class: "axis-text", x: i === filter.scene.axes.length - 1 ? 8 : -8, dy: "0.32em", "text-anchor": i === filter.scene.axes.length - 1 ? "start" : "end" }, shorten(t.text, 13))));
    const name = svg("text", { class: "axis-name", y: 16, "text-anchor": "middle" }, shorten(axis.name, Math.max(8, Math.floor(width / filter.scene.axes.length / 8.5))));
    name.append(svg("title", {}, axis.name));
    const group = svg("g", {
      class: "axis", transform: `translate(${at} 0)`, tabindex: 0, role: "slider", "data-name": axis.name, "aria-label": axis.name, "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 100,
    }, name, svg("text", { class: "axis-kind", y: 32, "text-anchor": "middle" }, kind(axis, i)), svg("line", { class: "axis-line", y1: top, y2: height - bottom }), ...labels, brush, hit);
    drag(hit, axis.name);
    group.addEventListener("keydown", (event) => keys(event, axis.name));
    placeBrush(group);
    return group;
  }

  function kind(axis, i) {
    if (i === filter.scene.axes.length - 1) return filter.scene.moreWins ? "more is better" : "less is better";
    return axis.log ? "log" : "";
  }

  function placeBrush(group) {
    const range = filter.brushes.get(group.dataset.name);
    const brush = group.querySelector(".axis-brush");
    brush.setAttribute("y", range ? place(range[1]) - 3 : 0);
    brush.setAttribute("height", range ? place(range[0]) - place(range[1]) + 6 : 0);
    group.setAttribute("aria-valuenow", Math.round((range?.[0] ?? 0) * 100));
    group.setAttribute("aria-valuetext", range ? `from ${Math.round(range[0] * 100)} to ${Math.round(range[1] * 100)} percent` : "all");
  }

  function drag(hit, name) {
    const at = (event) => back(event.clientY - host.querySelector("svg").getBoundingClientRect().top);
    hit.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      hit.parentNode.focus({ preventScroll: true });
      hit.setPointerCapture(event.pointerId);
      const from = at(event);
      let moved = false;
      const move = (e) => {
        const to = at(e);
        moved ||= Math.abs(to - from) > 0.015;
        if (moved) filter.brush(name, [Math.min(from, to), Math.max(from, to)]);
      };
      const end = () => {
        hit.removeEventListener("pointermove", move);
        if (!moved) filter.brush(name, null);
      };
      hit.addEventListener("pointermove", move);
      hit.addEventListener("pointerup", end, { once: true });
      hit.addEventListener("pointercancel", end, { once: true });
    });
  }

  function keys(event, name) {
    const [from, to] = filter.brushes.get(name) ?? [0, 1];
    const by = event.shiftKey ? -nudge : nudge;
    const range = { ArrowUp: [from + by, to], ArrowDown: [from, to - by], Escape: [0, 1] }[event.key];
    if (!range) return;
    event.preventDefault();
    event.stopPropagation();
    const clamp = (v) => Math.min(Math.max(Math.round(v * 100) / 100, 0), 1);
    if (range[0] <= range[1]) filter.brush(name, range.map(clamp));
  }

  function restyle() {
    const colour = paint();
    for (const trial of filter.scene.trials) {
      const line = lines.get(trial.id);
      line.style.stroke = colour(trial);
      line.classList.toggle("faded", !filter.passes(trial));
    }
    host.querySelectorAll(".axis").forEach(placeBrush);
    mark();
  }

  function mark() {
    host.querySelector(".parallel-line.hovered")?.classList.remove("hovered");
    const line = lines.get(filter.hovered);
    line?.classList.add("hovered");
    line?.parentNode.append(line); // on top of the others
  }

  filter.addEventListener("filter", restyle);
  filter.addEventListener("hover", mark);
  new ResizeObserver(draw).observe(host);
  return { draw, restyle };
}
