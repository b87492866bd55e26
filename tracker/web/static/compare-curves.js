// The curves of one metric over all runs.

import { drawCurves } from "/static/curves.js";

/**
 * makeCurves returns a function that shows the curves of a metric. Runs are fetched one beside the other and in their
 * order, so that a curve has the colour of its run's mark.
 */
export function makeCurves(host, scene, complain) {
  let curves = null;
  let turn = 0;
  return async function show(name, log) {
    const mine = ++turn;
    try {
      const series = await Promise.all(scene.runs.map((run) => fetchCurve(run, name)));
      if (mine !== turn) return; // another metric was chosen meanwhile
      if (!curves) {
        curves = drawCurves(host, { series, log });
        return;
      }
      curves.set({ series });
      curves.setLog(log);
    } catch (error) {
      complain(`The curves could not be fetched: ${error.message}. Load the page again.`);
    }
  };
}

async function fetchCurve(run, name) {
  const query = new URLSearchParams({ points: "600", metrics: name });
  const answer = await fetch(`/runs/${run.id}/curves?${query}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status} for ${run.name}`);
  const { curves } = await answer.json();
  return { label: `${run.number} ${run.name}`, points: curves.find((c) => c.name === name)?.points ?? [] };
}
