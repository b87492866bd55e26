// Colours for trials: a scale from the best, which is blue, to the worst, or a colour for each value of a list. Both
// ends are of those that the colour-blind tell apart.

const named = 6;

/**
 * colouring returns a function from a trial to a CSS colour, by an axis's index; -1 is the objective.
 * @param {object} scene
 */
export function colouring(scene, axis) {
  const i = axis < 0 ? scene.axes.length - 1 : axis;
  const { list, ticks } = scene.axes[i];
  const goal = i === scene.axes.length - 1;
  return ({ at }) => {
    const place = at[i];
    if (place === null) return "var(--soft)";
    if (list) return `var(--curve-${(ticks.findIndex((t) => t.at === place) % named) + 1})`;
    const share = Math.min(Math.max(goal && scene.moreWins ? 1 - place : place, 0), 1);
    return `color-mix(in oklab, var(--curve-2) ${(share * 100).toFixed(1)}%, var(--curve-1))`;
  };
}
