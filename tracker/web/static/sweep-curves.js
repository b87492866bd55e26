// One metric's curves of all trials over each other, drawn by uPlot: thin lines, the best and the one that is
// pointed at on top.
const height = 340;

/** drawOverlaid draws into a host, and returns what draws anew. */
export function drawOverlaid(host, filter, paint) {
  let plot = null;
  let curves = []; // {id, points}
  let log = false;
  let shown = []; // ids of the plot's series

  function draw() {
    plot?.destroy();
    plot = null;
    const trials = new Map(filter.scene.trials.map((t) => [t.id, t]));
    const finite = ([, v]) => Number.isFinite(v) && (!log || v > 0);
    const passing = curves.filter((c) => trials.has(c.id) && filter.passes(trials.get(c.id)) && c.points.some(finite));
    const best = filter.scene.trials[filter.scene.best]?.id;
    passing.sort((a, b) => (a.id === best) - (b.id === best) || trials.get(b.id).rank - trials.get(a.id).rank);
    shown = passing.map((c) => c.id);
    host.replaceChildren();
    if (passing.length === 0) {
      host.append(Object.assign(document.createElement("p"), { className: "sub", textContent: "None of these trials has logged it." }));
      return;
    }
    const css = getComputedStyle(host);
    const value = (name) => css.getPropertyValue(name).trim();
    const resolve = resolver(host);
    const colour = paint();
    const axis = { stroke: value("--soft"), font: `12px ${css.fontFamily}`, grid: { stroke: value("--grid"), width: 1 }, ticks: { show: false } };
    const tables = passing.map(({ points }) => [points.map(([s]) => s), points.map((p) => (finite(p) ? p[1] : null))]);
    plot = new uPlot({
      width: Math.max(host.clientWidth, 200), height,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
      axes: [{ ...axis, size: 30 }, { ...axis, size: 56, values: (_, list) => list.map((v) => (v === null ? "" : Number(v.toPrecision(3)).toString())), grid: { ...axis.grid, filter: (_, list) => list } }],
      cursor: { y: false, points: { show: false }, focus: { prox: 24 }, drag: { x: true, y: false } },
      focus: { alpha: 0.25 },
      series: [{}, ...passing.map(({ id }) => ({
        label: id, stroke: resolve(colour(trials.get(id))), width: id === best ? 3 : 1, alpha: id === best ? 1 : 0.75, points: { show: false }, spanGaps: true,
      }))],
      hooks: {
        setSeries: [(u, i) => filter.hover(i ? shown[i - 1] : "", u.over)],
      },
    }, uPlot.join(tables), host);
    plot.over.addEventListener("pointerleave", () => filter.hover(""));
    plot.over.addEventListener("click", () => {
      if (filter.hovered && plot.cursor.drag && plot.select.width === 0) location.assign(`/runs/${filter.hovered}`);
    });
  }

  /** follow shows the curve that is pointed at elsewhere. */
  function follow() {
    const i = shown.indexOf(filter.hovered);
    if (!plot || plot.over.matches(":hover")) return;
    plot.setSeries(i >= 0 ? i + 1 : null, { focus: true }, false);
  }

  filter.addEventListener("filter", draw);
  filter.addEventListener("hover", follow);
  document.addEventListener("themechange", draw);
  let width = 0;
  new ResizeObserver(() => {
    if (host.clientWidth !== width) draw();
    width = host.clientWidth;
  }).observe(host);
  return {
    draw,
    set(next) {
      curves = next;
      draw();
    },
    setLog(on) {
      log = on;
      draw();
    },
  };
}

/** resolver returns a function that makes a CSS colour one that a canvas knows. */
function resolver(host) {
  const probe = document.createElement("span");
  host.append(probe);
  const known = new Map();
  return (colour) => {
    if (!known.has(colour)) {
      if (!probe.isConnected) host.append(probe);
      probe.style.color = colour;
      known.set(colour, getComputedStyle(probe).color);
      probe.remove();
    }
    return known.get(colour);
  };
}
