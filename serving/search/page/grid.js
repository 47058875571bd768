// The pictures that were found, in rows of one height. Their sizes are known, so that nothing moves while they load.

import { count, counted, h, icon } from "./dom.js";
import { pictureAddress } from "./server.js";

const NARROWEST = 0.6; // width / height; what is beyond is shown whole in a frame of that shape
const WIDEST = 2;
const MOST_ENLARGED = 4; // a small icon is not blown up into blocks
const SMALL_PX = 512;

/**
 * Returns the grid.
 *
 * `from` is the rank of the first hit; `open(place)` is called with the place of the hit that was chosen; `mark(hit)`
 * may return a remark beside the score, such as a rank elsewhere.
 */
export function grid(hits, { from = 1, open, mark = () => null, name }) {
  const tiles = hits.map((hit, place) => h("li", { vars: { "--ratio": ratioOf(hit).toFixed(4) } }, tile(hit, place)));
  return h("ol", { classes: "grid", "aria-label": name, onkeydown: walk }, ...tiles);

  function tile(hit, place) {
    return h(
      "button",
      { type: "button", classes: "tile", "data-id": hit.id, onclick: () => open(place) },
      h("span", { classes: "frame" }, picture(hit, from + place), hit.duplicates.length > 0 && copies(hit)),
      h(
        "span",
        { classes: "under" },
        h("span", { classes: "caption", dir: "auto", "aria-hidden": "true" }, hit.caption ?? ""),
        h("span", { classes: "score" }, h("span", { classes: "for-readers" }, ", cosine "), hit.score.toFixed(3), mark(hit)),
      ),
    );
  }
}

/** Returns tiles of grey in the place of pictures that are being searched for. */
export function emptyGrid(places) {
  const shapes = [1, 1.5, 0.8, 1.33, 1, 1.78];
  const tiles = Array.from({ length: places }, (_, place) =>
    h("li", { vars: { "--ratio": String(shapes[place % shapes.length]) } }, h("span", { classes: "tile" }, h("span", { classes: "frame" }), h("span", { classes: "under" }))),
  );
  return h("ol", { classes: "grid waiting", "aria-hidden": "true" }, ...tiles);
}

/** Returns a hit's shape, width / height, within what a row of the grid can hold; 1 where its size is not known. */
function ratioOf({ width, height }) {
  return width > 0 && height > 0 ? Math.min(WIDEST, Math.max(NARROWEST, width / height)) : 1;
}

/** Returns what stands for a picture in words. */
const altOf = (hit, rank) => hit.caption || `Picture ${count(rank)}, without a caption`;

/** Returns a hit's picture; one that cannot be shown leaves a sentence in its place. */
export function picture(hit, rank, size = SMALL_PX) {
  const gone = () => h("span", { classes: "gone", role: "img", "aria-label": `${altOf(hit, rank)}. The picture cannot be shown` }, icon("broken"), "cannot be shown");
  if (!hit.image) return gone();
  const image = h("img", {
    src: pictureAddress(hit.image, size),
    srcset: hit.image.startsWith("data:") ? null : `${pictureAddress(hit.image, size)} 1x, ${pictureAddress(hit.image, 2 * size)} 2x`,
    alt: altOf(hit, rank), width: hit.width, height: hit.height, loading: size === SMALL_PX ? "lazy" : null, decoding: "async",
    vars: hit.width > 0 ? { "--widest": `${MOST_ENLARGED * hit.width}px` } : {},
    onerror: () => image.replaceWith(gone()),
  });
  return image;
}

const copies = (hit) =>
  h("span", { classes: "copies" }, icon("copies"), h("span", { "aria-hidden": "true" }, String(hit.duplicates.length)), h("span", { classes: "for-readers" }, `, and ${counted(hit.duplicates.length, "duplicate")}`));

function walk(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" }[event.key];
  const tiles = [...event.currentTarget.querySelectorAll("button.tile")];
  const at = tiles.indexOf(event.target.closest("button.tile"));
  if (step === undefined || at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const to = { up: () => nearest(tiles, at, -1), down: () => nearest(tiles, at, 1), first: () => tiles[0], last: () => tiles.at(-1) }[step];
  const next = to ? to() : tiles[at + step];
  event.preventDefault();
  next?.focus();
}

/** Returns the tile in the next row below or above whose middle is nearest. */
function nearest(tiles, at, way) {
  const boxes = tiles.map((tile) => tile.getBoundingClientRect());
  const here = boxes[at];
  const middle = here.left + here.width / 2;
  const beyond = boxes.filter((box) => (way > 0 ? box.top > here.top + 1 : box.top < here.top - 1));
  if (!beyond.length) return null;
  const row = way > 0 ? Math.min(...beyond.map((box) => box.top)) : Math.max(...beyond.map((box) => box.top));
  const inRow = tiles.filter((_, place) => Math.abs(boxes[place].top - row) < 1);
  const away = (tile) => Math.abs(boxes[tiles.indexOf(tile)].left + boxes[tiles.indexOf(tile)].width / 2 - middle);
  return inRow.reduce((best, tile) => (away(tile) < away(best) ? tile : best));
}
