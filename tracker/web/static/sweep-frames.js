// What trials looked like along their way.

export class Frames {
  /** @param {string} path of the sweep. */
  constructor(path) {
    this.path = path;
    this.known = new Map(); // by run: [[step, hash], ...] in order
  }

  /** load fetches the frames of runs that are not known, a few hundred at a time. */
  async load(ids) {
    const missing = ids.filter((id) => !this.known.has(id));
    for (let i = 0; i < missing.length; i += 400) {
      const answer = await fetch(`${this.path}/frames?run=${missing.slice(i, i + 400).join(",")}`);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      for (const [id, list] of Object.entries(await answer.json())) this.known.set(id, list);
    }
  }

  forget(id) {
    this.known.delete(id);
  }

  /** steps are all at which one of some runs has a picture. */
  steps(ids) {
    return [...new Set(ids.flatMap((id) => (this.known.get(id) ?? []).map(([step]) => step)))].sort((a, b) => a - b);
  }

  /** at returns the hash of a run's picture at a step or the last one before, or "" if it had none yet. */
  at(id, step) {
    return this.known.get(id)?.findLast(([s]) => s <= step)?.[1] ?? "";
  }
}
