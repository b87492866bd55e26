// How far two pictures are from each other, pixel by pixel.

/**
 * difference compares two pictures, {url, width, height}. The second is scaled to the first's size if it has another.
 * It returns the picture of |a−b| times gain as a canvas; mean, the mean absolute difference over all pixels and the
 * three channels, in grey levels of 0 to 255; greatest, the greatest; and psnr, 10·log₁₀(255²/mean square difference)
 * in decibels, which is Infinity for pictures that are the same.
 */
export async function difference(a, b, gain) {
  const [x, y] = await Promise.all([pixels(a, a), pixels(b, a)]);
  const out = new ImageData(a.width, a.height);
  let sum = 0;
  let squares = 0;
  let greatest = 0;
  for (let i = 0; i < x.length; i += 4) {
    for (let c = i; c < i + 3; c++) {
      const d = Math.abs(x[c] - y[c]);
      sum += d;
      squares += d * d;
      if (d > greatest) greatest = d;
      out.data[c] = d * gain; // which the array keeps within 255
    }
    out.data[i + 3] = 255;
  }
  const n = a.width * a.height * 3;
  return { canvas: draw(out), mean: sum / n, greatest, psnr: 10 * Math.log10((255 * 255) / (squares / n)) };
}

/** describe writes the numbers of a difference as a sentence. */
export function describe({ mean, greatest, psnr }, a, b) {
  if (greatest === 0) return "The two are the same, to the pixel.";
  const scaled = a.width !== b.width || a.height !== b.height ? `; B was scaled to A’s ${a.width} × ${a.height}` : "";
  return `Mean ${mean.toFixed(2)} of 255 grey levels, greatest ${greatest}, PSNR ${psnr.toFixed(1)} dB${scaled}`;
}

async function pixels(picture, { width, height }) {
  const image = new Image();
  image.src = picture.url;
  await image.decode();
  const context = blank(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

function draw(data) {
  const canvas = blank(data.width, data.height);
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}
