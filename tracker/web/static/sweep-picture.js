// Pictures that change without flicker: what is shown stays until the next one is there and decoded.

const kept = new Map(); // by address: images that are on their way or lately were
const most = 300;

/** pictureAddress is where a picture is; width 0 is the whole file. */
export function pictureAddress(hash, width = 0) {
  return `/pictures/${hash}${width ? `?width=${width}` : ""}`;
}

/** ready resolves when a picture can be shown at once. */
export function ready(address) {
  let promise = kept.get(address);
  if (!promise) {
    const image = new Image();
    image.src = address;
    promise = image.decode().then(() => image);
    promise.catch(() => kept.delete(address));
    kept.set(address, promise);
    if (kept.size > most) kept.delete(kept.keys().next().value);
  }
  return promise;
}

/** show brings a picture into an element once it is ready, unless another is wanted by then. */
export async function show(element, address) {
  if (element.dataset.wanted === address || (!element.dataset.wanted && element.getAttribute("src") === address)) return;
  element.dataset.wanted = address;
  try {
    await ready(address);
  } catch {
    return; // what is shown stays
  }
  if (element.dataset.wanted === address) element.src = address;
}
