// What a live notebook does better with scripts. Without them the line of a swipe is moved by its lower corner, and values
// are titles, which browsers show after a moment.
if (!globalThis.gouacheLive) {
  globalThis.gouacheLive = true;

  let swipe = null; // the one whose line is dragged
  const drag = (event) => {
    if (!swipe) return;
    const box = swipe.getBoundingClientRect();
    swipe.lastElementChild.style.width = `${Math.min(Math.max(event.clientX - box.left, 0), box.width)}px`;
  };
  document.addEventListener("pointerdown", (event) => {
    swipe = event.target.closest?.(".gouache-swipe");
    drag(event);
  });
  document.addEventListener("pointermove", drag);
  document.addEventListener("pointerup", () => { swipe = null; });
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.(".gouache-swipe")) event.preventDefault(); // a picture would be dragged
  });

  const values = document.body.appendChild(document.createElement("div"));
  values.id = "gouache-values";
  values.hidden = true;
  values.style = "position:fixed;z-index:9999;padding:4px 8px;border-radius:3px;background:#222222;color:#ffffff;" +
    "font:12px sans-serif;white-space:pre;pointer-events:none";
  let place = null; // the part of a chart below the pointer
  document.addEventListener("pointermove", (event) => {
    const at = event.target.closest?.(".gouache-at") ?? null;
    if (at !== place) {
      if (place) {
        place.title = place.dataset.title;
        place.style.borderLeft = "";
      }
      if (at) {
        at.dataset.title = at.title;
        at.removeAttribute("title");
        at.style.borderLeft = "1px solid #777777";
        values.textContent = at.dataset.title;
      }
      values.hidden = !at;
      place = at;
    }
    values.style.left = `${Math.min(event.clientX + 14, innerWidth - values.offsetWidth - 4)}px`;
    values.style.top = `${event.clientY + 14}px`;
  });
}
