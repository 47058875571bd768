// Pictures that were dropped, pasted or chosen: kept for this tab, so that Back and Reload find them again.

const kept = new Map();

/** Keeps a file; returns the term that asks for pictures like it, or throws where it cannot be read, as a folder. */
export async function keepPicture(file, weight) {
  const encoded = await base64(file);
  const key = crypto.getRandomValues(new Uint32Array(2)).join("-");
  kept.set(key, encoded);
  try {
    sessionStorage.setItem(`picture:${key}`, encoded);
  } catch {
    // Too large for the tab's storage: a reload asks for the picture again.
  }
  return { kind: "upload", value: key, name: file.name || "pasted picture", sign: 1, weight };
}

/** Returns a kept picture in base64, or null. */
export function encodedPicture(key) {
  if (!kept.has(key)) {
    let stored = null;
    try {
      stored = sessionStorage.getItem(`picture:${key}`);
    } catch {
      // Storage is barred.
    }
    if (stored === null) return null;
    kept.set(key, stored);
  }
  return kept.get(key);
}

/** Draws a kept picture whole into a canvas; what the browser cannot decode stays empty. */
export async function drawPicture(canvas, key) {
  const encoded = encodedPicture(key);
  if (encoded === null) return;
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes])).catch(() => null);
  if (bitmap === null) return;
  const scale = Math.max(canvas.width / bitmap.width, canvas.height / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  canvas.getContext("2d").drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

/** Returns the pictures that were pasted; beside text, as office programs copy it, a picture only shows that text. */
export function pastedPictures(clipboard) {
  if (!clipboard || clipboard.types.includes("text/plain")) return [];
  return [...clipboard.files].filter((file) => file.type.startsWith("image/"));
}

const base64 = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
