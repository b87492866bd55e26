// Curves over steps, drawn by uPlot (others/uplot-1.6.32, which the page's head loads as a classic script).
//
//   const curves = drawCurves(host, {series: [{label: "total", points: [[1, 2.5], [2, "NaN"]], dash: [6, 4]}], log: false});
//   curves.append({series: [{label: "total", points: [[3, 1.5]]}]});
//
// Colours are the style's --curve-1 to --curve-6; the seventh series begins again with a dashed line. A legend shows
// the values under the cursor, the last ones while there is no cursor, and switches series off and on. Dragging zooms
// in, a double click shows everything again; with the keyboard, arrows move the cursor, + and - zoom and 0 shows all.

const colours = 6;
const dashes = [undefined, [8, 4], [2, 3]];

/**
 * @param {HTMLElement} host is emptied.
 * @param {{series: {label: string, points: [number, number | string | null][], dash?: number[]}[], log?: boolean}} options
 * @returns {{set: Function, append: Function, setLog: Function, resize: Function, destroy: Function}}
 */
export function drawCurves(host, options) {
  let series = copy(options.series);
  let log = Boolean(options.log);
  let hidden = new Set(); // labels
  let zoom = null; // the steps that are shown, or null for all
  let plot = null;

  host.classList.add("curves");
  const canvas = element("div", "curves-plot");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "group");
  canvas.setAttribute("aria-label", "Curves. Arrows move along them, plus and minus zoom, 0 shows everything.");
  const legend = element("div", "curves-legend");
  const empty = element("p", "curves-empty");
  host.replaceChildren(canvas, empty, legend);

  /** build makes the plot anew, which a change of theme, of the scale or of the series asks for. */
  function build() {
    plot?.destroy();
    plot = null;
    const data = align(series, log);
    empty.textContent = emptyText(series, data, log);
    canvas.hidden = empty.textContent !== "";
    if (canvas.hidden) {
      legend.replaceChildren();
      return;
    }
    const kept = zoom; // which the new plot's first scale would overwrite
    plot = new uPlot(plotOptions(), data, canvas);
    if (kept) plot.setScale("x", kept);
    buildLegend();
  }

  function plotOptions() {
    const css = getComputedStyle(host);
    const value = (name) => css.getPropertyValue(name).trim();
    const font = `12px ${css.fontFamily}`;
    const axis = {
      stroke: value("--soft"), font, grid: { stroke: value("--grid"), width: 1 }, ticks: { stroke: value("--grid"), width: 1, size: 4 },
    };
    const narrow = host.clientWidth < 480;
    return {
      ...size(),
      padding: [12, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
      axes: [
        { ...axis, size: 30, space: narrow ? 60 : 80, values: (_, steps) => steps.map((s) => (Number.isInteger(s) ? s.toLocaleString("en") : "")) },
        { ...axis, grid: { ...axis.grid, filter: (_, splits) => (log ? decades(splits) : splits) }, size: 62, space: 36, values: (_, list) => list.map((v) => (v === null ? "" : short(v))) },
      ],
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
      series: [{}, ...series.map((s, i) => ({
        label: s.label,
        show: !hidden.has(s.label),
        stroke: value(`--curve-${(i % colours) + 1}`),
        width: 1.75,
        dash: s.dash ?? dashes[Math.floor(i / colours) % dashes.length],
        points: { show: s.points.length === 1 },
      }))],
      hooks: { setCursor: [showValues], setScale: [noteZoom] },
    };
  }

  function size() {
    const width = Math.max(host.clientWidth, 120);
    return { width, height: Math.round(Math.min(340, Math.max(220, width * 0.42))) };
  }

  function noteZoom(u, scale) {
    const steps = u.data[0];
    if (scale !== "x" || steps.length === 0) return;
    const { min, max } = u.scales.x;
    zoom = min <= steps[0] && max >= steps.at(-1) ? null : { min, max };
  }

  function buildLegend() {
    legend.replaceChildren(element("span", "curves-step"), ...series.map((s, i) => {
      const button = element("button", "curves-key");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!hidden.has(s.label)));
      const dashed = s.dash || i >= colours ? " dashed" : "";
      button.append(element("span", `curves-swatch curve-${(i % colours) + 1}${dashed}`), element("span", "curves-label", s.label), element("span", "curves-value"));
      button.title = `Show or hide ${s.label}`;
      button.addEventListener("click", () => toggle(i, button));
      return button;
    }));
    showValues(plot);
  }

  function toggle(i, button) {
    const { label } = series[i];
    const show = hidden.delete(label);
    if (!show) hidden.add(label);
    button.setAttribute("aria-pressed", String(show));
    plot.setSeries(i + 1, { show });
  }

  /** showValues writes the values under the cursor into the legend, or each series' last. */
  function showValues(u) {
    const at = u.cursor.idx;
    const step = legend.querySelector(".curves-step");
    if (!step) return; // the plot is being made
    step.textContent = at == null ? "last" : `step ${u.data[0][at].toLocaleString("en")}`;
    legend.querySelectorAll(".curves-value").forEach((cell, i) => {
      const list = series[i].points;
      const point = at == null ? list.at(-1) : list.find(([s]) => s === u.data[0][at]);
      cell.textContent = point ? readable(point[1]) : "–";
    });
  }

  /** moveCursor goes to the point of a number, the first one for those below and the last one for those above. */
  function moveCursor(to) {
    const steps = plot.data[0];
    const at = Math.min(Math.max(to, 0), steps.length - 1);
    plot.setCursor({ left: plot.valToPos(steps[at], "x"), top: 10 });
  }

  function zoomBy(factor) {
    const { min, max } = plot.scales.x;
    const at = plot.cursor.idx == null ? (min + max) / 2 : plot.data[0][plot.cursor.idx];
    const [first, last] = [plot.data[0][0], plot.data[0].at(-1)];
    plot.setScale("x", { min: Math.max(first, at - (at - min) * factor), max: Math.min(last, at + (max - at) * factor) });
  }

  function showAll() {
    plot.setScale("x", { min: plot.data[0][0], max: plot.data[0].at(-1) });
  }

  const keys = {
    ArrowLeft: () => moveCursor((plot.cursor.idx ?? plot.data[0].length) - 1), ArrowRight: () => moveCursor((plot.cursor.idx ?? -1) + 1),
    Home: () => moveCursor(0), End: () => moveCursor(Infinity), "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), 0: showAll,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!plot || !keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // the page's own keys are for when the curves are not in focus
    keys[event.key]();
  });

  function resize() {
    const wanted = size();
    if (plot && (plot.width !== wanted.width || plot.height !== wanted.height)) plot.setSize(wanted);
  }
  const watcher = new ResizeObserver(resize);
  watcher.observe(host);
  document.addEventListener("themechange", build);
  build();

  return {
    /** set replaces all series. */
    set(next) {
      series = copy(next.series);
      build();
    },
    /** append adds points to the series of the same labels, and replaces those at the same and later steps. */
    append(more) {
      for (const { label, points } of more.series) {
        const known = series.find((s) => s.label === label);
        if (!known) series.push({ label, points: [...points] });
        else if (points.length > 0) known.points = [...known.points.filter(([step]) => step < points[0][0]), ...points];
      }
      if (!plot || plot.series.length !== series.length + 1) build();
      else plot.setData(align(series, log), zoom === null);
      if (plot) showValues(plot);
    },
    setLog(next) {
      log = Boolean(next);
      build();
    },
    resize,
    destroy() {
      watcher.disconnect();
      document.removeEventListener("themechange", build);
      plot?.destroy();
      host.replaceChildren();
    },
  };
}

/** align brings all series to the same steps. What cannot be drawn is null, which leaves a gap. */
function align(series, log) {
  const tables = series.filter((s) => s.points.length > 0 || series.length === 1).map((s) => [
    s.points.map(([step]) => step),
    s.points.map(([, v]) => (Number.isFinite(v) && (!log || v > 0) ? v : null)),
  ]);
  if (tables.length === 0) return [[], ...series.map(() => [])];
  if (tables.length !== series.length) return align(series.map((s) => (s.points.length > 0 ? s : { ...s, points: [[tables[0][0][0], null]] })), log);
  return uPlot.join(tables);
}

function emptyText(series, data, log) {
  if (data[0].length === 0) return "Nothing has been logged yet.";
  if (data.slice(1).some((list) => list.some((v) => v != null))) return "";
  return log ? "None of these values is above zero: choose the linear scale." : "None of these values is a number.";
}

function copy(series) {
  return series.map((s) => ({ ...s, points: [...s.points] }));
}

/** decades keeps only the lines at powers of ten of a logarithmic scale, if all of them would be a grey area. */
function decades(splits) {
  return splits.length < 30 ? splits : splits.map((v) => (v > 0 && Number.isInteger(Math.round(Math.log10(v) * 1e9) / 1e9) ? v : null));
}

/** readable writes a value as people read it, to five digits. NaN and infinities come as texts. */
export function readable(v) {
  if (v == null) return "–";
  if (typeof v !== "number") return String(v);
  const size = Math.abs(v);
  if (v !== 0 && (size < 1e-4 || size >= 1e7)) return v.toExponential(3);
  return String(Number(v.toPrecision(5)));
}

function short(v) {
  const size = Math.abs(v);
  if (v !== 0 && (size < 1e-3 || size >= 1e6)) return v.toExponential(0).replace("e+", "e");
  return v.toLocaleString("en", { maximumSignificantDigits: 4 });
}

function element(name, className, text = "") {
  const e = document.createElement(name);
  e.className = className;
  e.textContent = text;
  return e;
}
