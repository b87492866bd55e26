// A picture that can be panned and zoomed, drawn by OpenSeadragon and linked with others (compare-link.js).

const { Point } = OpenSeadragon;

// OpenSeadragon puts a style element into the page unless it finds its own there already, and the policy forbids inline
// styles. An element that is called style but is not HTML's will do; compare.css has the rule.
const stand = document.createElementNS(null, "style");
stand.setAttribute("data-openseadragon-mobile-css", "true");
document.head.append(stand);

const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

const options = {
  drawer: "canvas", // a page may have sixteen WebGL contexts at most, and pixels are to be drawn as they are
  showNavigationControl: false,
  keyboardNavEnabled: false, // compare-keys.js has the keys
  autoResize: false, // measure does it
  preserveViewport: true, // the link says where to look
  animationTime: still ? 0 : 0.3,
  springStiffness: 8,
  visibilityRatio: 0.25,
  minZoomImageRatio: 0.25,
  maxZoomPixelRatio: 64,
  zoomPerScroll: 1.2,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false, flickEnabled: true, flickMomentum: 0 },
  gestureSettingsTouch: { dblClickToZoom: false, flickMomentum: 0.1 },
  gestureSettingsPen: { clickToZoom: false, dblClickToZoom: false },
};

export class Viewer {
  /**
   * @param {HTMLElement} pane is filled.
   * @param {Link} link
   * @param {string} label for those who do not see it.
   */
  constructor(pane, link, label) {
    this.pane = pane;
    this.link = link;
    this.picture = null; // {url, width, height}, the one to show
    this.layers = new Map(); // by url: {picture, item}
    this.host = document.createElement("div");
    this.host.className = "viewer";
    this.mark = document.createElement("div");
    this.mark.className = "pointer";
    this.mark.hidden = true;
    pane.append(this.host, this.mark);
    this.osd = OpenSeadragon({ element: this.host, ...options });
    this.osd.canvas.setAttribute("role", "img");
    this.osd.canvas.setAttribute("aria-label", label);
    this.listen();
    new ResizeObserver(() => link.settleSoon()).observe(pane);
  }

  listen() {
    const { osd, link } = this;
    for (const name of ["canvas-press", "canvas-scroll", "canvas-pinch"]) osd.addHandler(name, () => link.lead(this));
    for (const name of ["canvas-drag", "canvas-scroll", "canvas-pinch"]) osd.addHandler(name, () => (link.fitted = false));
    osd.canvas.addEventListener("focus", () => link.lead(this));
    osd.addHandler("viewport-change", () => link.follow(this));
    osd.addHandler("canvas-double-click", (event) => {
      if (!link.fitted) return link.fit();
      link.zoomTo(1, osd.viewport.pointFromPixel(event.position, true));
    });
    osd.addHandler("canvas-cooperative-gesture", (event) => (event.preventDefaultAction = true)); // it would explain itself at each touch
    osd.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      const box = this.host.getBoundingClientRect();
      const at = osd.viewport.pointFromPixel(new Point(event.clientX - box.left, event.clientY - box.top), true);
      link.point(this, { x: at.x, y: at.y / this.aspect });
    });
    osd.canvas.addEventListener("pointerleave", () => link.point(this, null));
  }

  /** aspect is the picture's height in units of its width. */
  get aspect() {
    return this.picture ? this.picture.height / this.picture.width : 1;
  }

  /** unit is how many times the viewer's width a picture is wide at 100 %. One that is pinned goes by the others'. */
  get unit() {
    const { reference, front } = this.link;
    const viewer = front.includes(this) ? this : (front[0] ?? this);
    return reference / (viewer.osd.viewport.getContainerSize().x * devicePixelRatio);
  }

  /** measure fills the pane, up to what is a whole number of the screen's pixels where there are 1.25 or 1.5 to the CSS pixel, too. */
  measure() {
    const grain = Number.isInteger(devicePixelRatio) ? 1 : 4;
    const box = this.pane.getBoundingClientRect(); // clientWidth would round, to a different size for some of the tiles
    const width = Math.floor(box.width / grain) * grain;
    const height = Math.floor(box.height / grain) * grain;
    const known = this.osd.viewport.getContainerSize();
    if (width === 0 || height === 0 || (known.x === width && known.y === height)) return;
    this.host.style.width = `${width}px`;
    this.host.style.height = `${height}px`;
    this.osd.viewport.resize(new Point(width, height), false);
  }

  fitting() {
    const { x, y } = this.osd.viewport.getContainerSize();
    return Math.min(1, y / x / this.aspect) / this.unit;
  }

  /** where is what the viewer shows in this moment of an animation; goal what it will show at its end. */
  where(now = true) {
    const { viewport } = this.osd;
    const middle = viewport.getCenter(now);
    return { x: middle.x, y: middle.y / this.aspect, zoom: viewport.getZoom(now) / this.unit };
  }

  goal() {
    return this.where(false);
  }

  /** place shows a view in this very frame. */
  place({ x, y, zoom }) {
    const { viewport, world } = this.osd;
    viewport.zoomTo(zoom * this.unit, null, true);
    viewport.panTo(new Point(x, y * this.aspect), true);
    this.sharpen(zoom);
    viewport.update();
    world.update(true);
    world.draw();
  }

  /** aim moves to a view. */
  aim({ x, y, zoom }) {
    const { viewport } = this.osd;
    viewport.zoomTo(zoom * this.unit, null, still);
    viewport.panTo(new Point(x, y * this.aspect), still);
  }

  zoomTo(zoom, point) {
    this.osd.viewport.zoomTo(zoom * this.unit, point, still);
    this.osd.viewport.applyConstraints(still);
  }

  pan(right, down) {
    const { viewport } = this.osd;
    const shown = viewport.getBounds(false);
    viewport.panBy(new Point(right * shown.width, down * shown.height), still);
    viewport.applyConstraints(still);
  }

  /** sharpen shows pixels as squares from true pixels on, and smooths below. */
  sharpen(zoom) {
    const sharp = this.picture !== null && this.scale(zoom) > 0.999;
    if (sharp === this.sharp) return;
    this.sharp = sharp;
    this.osd.drawer.setImageSmoothingEnabled(!sharp);
  }

  /** scale is how many pixels of the screen one of this picture is wide. */
  scale(zoom) {
    return (zoom * this.link.reference) / this.picture.width;
  }

  /** scrollable lets one finger scroll the page while there is nothing to pan. */
  scrollable(yes) {
    const wanted = yes && matchMedia("(hover: none)").matches;
    if (this.osd.cooperativeGestures !== wanted) this.osd.setCooperativeGestures(wanted);
  }

  /** point marks a place, in fractions of the picture, or none. */
  point(place) {
    this.mark.hidden = place === null || !this.picture;
    if (this.mark.hidden) return;
    const at = this.osd.viewport.pixelFromPoint(new Point(place.x, place.y * this.aspect), true);
    this.mark.style.transform = `translate(${at.x}px, ${at.y}px)`;
  }

  /**
   * show shows a picture, or nothing if it is null. What was shown before stays until the picture is there. Others
   * that may be shown next are made ready, so that they come in the next frame when they are.
   */
  show(picture, next = []) {
    const other = this.picture?.width !== picture?.width || this.picture?.height !== picture?.height;
    this.picture = picture;
    this.wanted = new Set([picture, ...next].filter(Boolean).map((p) => p.url));
    for (const p of [picture, ...next]) if (p && !this.layers.has(p.url)) this.load(p);
    this.settle();
    if (other) this.link.settleSoon();
  }

  load(picture) {
    const layer = { picture, item: null };
    this.layers.set(picture.url, layer);
    this.osd.addTiledImage({
      tileSource: { type: "image", url: picture.url },
      width: 1,
      opacity: 0,
      preload: true,
      success: ({ item }) => {
        if (this.layers.get(picture.url) !== layer) return this.osd.world.removeItem(item);
        layer.item = item;
        item.addHandler("fully-loaded-change", () => this.settle());
        this.link.settleSoon();
      },
      error: () => this.fail(picture),
    });
  }

  fail(picture) {
    this.layers.delete(picture.url);
    if (!this.wanted.has(picture.url)) return;
    this.pane.dispatchEvent(new CustomEvent("picturefail", { bubbles: true, detail: picture }));
  }

  /** settle shows the picture once it is there, and lets go of those that nobody wants any more. */
  settle() {
    const shown = this.picture && this.layers.get(this.picture.url)?.item;
    if (this.picture && !shown?.getFullyLoaded()) return;
    for (const [url, layer] of this.layers) {
      layer.item?.setOpacity(layer.item === shown ? 1 : 0);
      if (!this.wanted.has(url)) {
        this.layers.delete(url);
        if (layer.item) this.osd.world.removeItem(layer.item);
      }
    }
    this.pane.dataset.shown = this.picture?.url ?? "";
  }
}
