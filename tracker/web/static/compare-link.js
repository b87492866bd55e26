// One pan and zoom for several pictures.
//
// A view is where the middle of a viewer lies, in fractions of the picture, and how large a pixel of the widest
// picture is, in pixels of the screen: {x: 0.5, y: 0.5, zoom: 1} is the middle at true pixels. It means the same in
// viewers of any size and for pictures of any size, so it can be kept, shared and applied to all of them. Viewers that
// are pinned beside the others are smaller: they show the same part of the picture, not the same scale.
//
// One viewer leads: the one that was touched last. OpenSeadragon animates it, and at each frame the others are
// put where it is and drawn at once, so that all move in the same frame. Viewers that listened to each other would
// lag by a frame and answer each other's answers.

export class Link {
  /** @param {number} reference is the width in pixels of the picture whose true pixels are 100 %. */
  constructor(reference) {
    this.reference = reference;
    this.view = { x: 0.5, y: 0.5, zoom: 1 };
    this.goal = this.view; // where an animation goes
    this.fitted = true; // whether the view is to show the whole pictures, however large the window
    this.viewers = []; // that are on the screen
    this.front = []; // those among them that are not pinned
    this.leader = null;
    this.onchange = () => {};
  }

  /** show says which viewers are on the screen now, and which are pinned beside them. */
  show(viewers, pinned) {
    this.viewers = [...viewers, ...pinned];
    this.front = viewers;
    this.leader = viewers[0];
    this.settle();
  }

  /** settle puts all viewers where they belong after some changed their sizes or their pictures. */
  settle() {
    for (const v of this.viewers) v.measure();
    if (this.fitted) this.goal = { x: 0.5, y: 0.5, zoom: this.fitting() };
    this.view = this.goal;
    for (const v of this.viewers) v.place(this.view);
    this.changed();
  }

  /** settleSoon waits for the other viewers whose sizes change at the same time. */
  settleSoon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.settle();
    });
  }

  /** fitting is the zoom at which every picture is seen whole. */
  fitting() {
    const zooms = this.front.filter((v) => v.picture).map((v) => v.fitting());
    return zooms.length > 0 ? Math.min(...zooms) : 1;
  }

  /** lead makes a viewer the one that others follow. The one before stops where it is. */
  lead(viewer) {
    if (viewer === this.leader || !this.viewers.includes(viewer)) return;
    this.leader?.place(this.view);
    this.leader = viewer;
  }

  /** follow is called by a viewer at each frame in which it moves. */
  follow(viewer) {
    if (viewer !== this.leader) return;
    this.view = viewer.where();
    this.goal = viewer.goal();
    viewer.sharpen(this.view.zoom);
    for (const v of this.viewers) if (v !== viewer) v.place(this.view);
    this.changed();
  }

  /** fit shows the whole pictures. */
  fit() {
    this.fitted = true;
    this.goal = { x: 0.5, y: 0.5, zoom: this.fitting() };
    this.leader.aim(this.goal);
  }

  /** zoomTo zooms around the middle, or around a point of the leader's. */
  zoomTo(zoom, point = null) {
    this.fitted = false;
    this.leader.zoomTo(clamp(zoom, this.fitting() / 4, 64), point);
    this.goal = this.leader.goal();
  }

  /** step moves to the next zoom that is a power of √2 of true pixels, which has all whole ones among them. */
  step(direction) {
    const at = Math.log2(this.goal.zoom) * 2;
    const next = direction > 0 ? Math.floor(at + 1.01) : Math.ceil(at - 1.01);
    this.zoomTo(2 ** (next / 2));
  }

  /** pan moves by fractions of what a viewer shows. */
  pan(right, down) {
    this.fitted = false;
    this.leader.pan(right, down);
    this.goal = this.leader.goal();
  }

  /** go shows a view that was kept. */
  go(view) {
    this.fitted = false;
    this.goal = view;
    this.settle();
  }

  /** point shows where the mouse is in one viewer in all the others. */
  point(from, place) {
    for (const v of this.viewers) if (v !== from) v.point(place);
  }

  changed() {
    for (const v of this.viewers) v.scrollable(this.fitted);
    this.onchange();
  }
}

function clamp(v, least, most) {
  return Math.min(Math.max(v, least), most);
}
