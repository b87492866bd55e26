// The curves of a run's page: which are shown, on which scale, and fetching them.
import { drawCurves } from "./curves.js";
import { remember, remembered } from "./page.js";

const most = 1000; // points of a curve, for a screen

/** chart draws a run's curves into a host. address is the run's. */
export function chart(host, address) {
  const all = new Map(); // points by name
  const log = document.getElementById("log");
  let drawn = null;
  let shown = "";

  log.checked = remembered("log", "true") === "true";
  log.addEventListener("change", () => {
    remember("log", String(log.checked));
    drawn?.setLog(log.checked);
  });

  async function fetchCurves(from) {
    const answer = await fetch(`${address}/curves?points=${most}&from=${from}`);
    if (!answer.ok) throw new Error(`${address}/curves: ${answer.status}`);
    return answer.json();
  }

  /**
   * groups tells weighted terms from the same before their weights, which are called loss.NAME, from the rest, and all of
   * them from what the machine did.
   */
  function groups() {
    const system = [...all.keys()].filter((n) => n.startsWith("system/"));
    const names = [...all.keys()].filter((n) => !system.includes(n));
    const unweighted = names.filter((n) => n.startsWith("loss."));
    const weighted = names.filter((n) => n === "total" || unweighted.includes(`loss.${n}`));
    const other = names.filter((n) => !unweighted.includes(n) && !weighted.includes(n));
    const result = unweighted.length === 0 ? [["all", names]] : [["weighted", weighted], ["unweighted", unweighted], ["other", other]];
    return new Map([...result, ["system", system]].filter(([, list]) => list.length > 0));
  }

  function series() {
    return (groups().get(shown) ?? []).map((name) => ({ label: name, points: all.get(name) }));
  }

  function chooseGroup() {
    const known = [...groups().keys()];
    if (!known.includes(shown)) shown = known.includes(remembered("curves", "")) ? remembered("curves", "") : known[0];
    const place = document.getElementById("groups");
    place.hidden = known.length < 2;
    place.replaceChildren(...known.map((name) => {
      const label = document.createElement("label");
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: "group", value: name, checked: name === shown });
      radio.addEventListener("change", () => {
        shown = name;
        remember("curves", name);
        drawn.set({ series: series() });
      });
      label.append(radio, Object.assign(document.createElement("span"), { textContent: name }));
      return label;
    }));
  }

  function draw() {
    drawn?.destroy();
    chooseGroup();
    document.getElementById("log-line").hidden = all.size === 0;
    drawn = drawCurves(host, { series: series(), log: log.checked });
  }

  return {
    /** load fetches and draws all curves. */
    async load() {
      const { curves } = await fetchCurves(0);
      for (const { name, points } of curves) all.set(name, points);
      draw();
    },

    /** loadMore fetches the points from the last one on, which may have got another value, and returns the status. */
    async loadMore() {
      const { curves, status } = await fetchCurves(Math.max(this.lastStep(), 0));
      let fresh = false;
      for (const { name, points } of curves) {
        const known = all.get(name);
        fresh ||= !known;
        if (!known) all.set(name, points);
        else if (points.length > 0) all.set(name, [...known.filter(([step]) => step < points[0][0]), ...points]);
      }
      if (fresh || !drawn) draw();
      else drawn.append({ series: series().map(({ label }) => ({ label, points: curves.find((c) => c.name === label)?.points ?? [] })) });
      return status;
    },

    lastStep() {
      return Math.max(-1, ...[...all.values()].map((points) => points.at(-1)?.[0] ?? -1));
    },

    /** at returns [name, value] of the total and the weighted terms at a step, or at the last one that was logged before. */
    at(step) {
      const names = groups().get("weighted") ?? groups().get("all") ?? [];
      return names.map((name) => [name, all.get(name).findLast(([s]) => s <= step)?.[1]]).filter(([, value]) => value !== undefined);
    },
  };
}
