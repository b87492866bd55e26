// Which trials all drawings of the Explore page show, and which of them is pointed at.

export class Filter extends EventTarget {
  /** @param {object} scene as the server lays it out. */
  constructor(scene) {
    super();
    this.scene = scene;
    this.brushes = new Map(); // by the axis's name: [from, to], places between 0 and 1
    this.hovered = ""; // a trial's id
  }

  /** passes tells whether a trial lies inside every brush. */
  passes(trial) {
    return this.scene.axes.every(({ name }, i) => {
      const brush = this.brushes.get(name);
      const at = trial.at[i];
      return !brush || (at !== null && at >= brush[0] - 1e-9 && at <= brush[1] + 1e-9);
    });
  }

  /** matching are the trials that pass, the best first. */
  matching() {
    return this.scene.trials.filter((t) => this.passes(t)).sort((a, b) => a.rank - b.rank);
  }

  /** brush sets the part of an axis that trials must pass, or lifts it if there is none. */
  brush(name, range) {
    if (range && (range[0] > 0 || range[1] < 1)) this.brushes.set(name, range);
    else this.brushes.delete(name);
    this.dispatchEvent(new Event("filter"));
  }

  clear() {
    this.brushes.clear();
    this.dispatchEvent(new Event("filter"));
  }

  /** hover says which trial is pointed at, "" for none, and where: an element or the pointer's place. */
  hover(id, at) {
    if (id === this.hovered) return;
    this.hovered = id;
    this.dispatchEvent(Object.assign(new Event("hover"), { trial: this.scene.trials.find((t) => t.id === id), at }));
  }
}
