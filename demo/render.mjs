// Renders vector drawings to PNG on white, one file a drawing, with the npm packages sharp and @resvg/resvg-js:
//   node demo/render.mjs svgs SVG_FOLDER PNG_FOLDER       a folder of SVG files
//   node demo/render.mjs icons PACKAGE PNG_FOLDER         an icon set of Iconify: its icons and their aliases
//   node demo/render.mjs font TTF EMOJI_JSON PNG_FOLDER   a font's glyph for every emoji of emoji-datasource's list
import { Resvg } from '@resvg/resvg-js';
import sharp from 'sharp';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WIDTH_PX = 96; // half as wide again as the demo's pictures, so that scaling down smooths the outlines
const readJson = (path) => JSON.parse(readFileSync(path));

const withResvg = (svg, fontFiles = []) =>
  new Resvg(svg, { fitTo: { mode: 'width', value: WIDTH_PX }, background: 'white', font: { fontFiles, loadSystemFonts: false } })
    .render()
    .asPng();
const withSharp = (svg) => sharp(Buffer.from(svg)).flatten({ background: 'white' }).png().toBuffer(); // resvg panics on noto-v1

function* svgs(folder) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.svg')))
    yield [file.replace(/\.svg$/, ''), () => withResvg(readFileSync(join(folder, file)))];
}

function* icons(folder) {
  const { width, height, icons, aliases = {} } = readJson(join(folder, 'icons.json'));
  const named = { ...icons };
  for (const [name, { parent }] of Object.entries(aliases)) if (icons[parent]) named[name] = icons[parent];
  for (const [name, icon] of Object.entries(named)) {
    const box = `${icon.left ?? 0} ${icon.top ?? 0} ${icon.width ?? width} ${icon.height ?? height}`;
    const size = `width="${WIDTH_PX}" height="${WIDTH_PX}" viewBox="${box}"`;
    yield [name, () => withSharp(`<svg xmlns="http://www.w3.org/2000/svg" ${size}>${icon.body}</svg>`)];
  }
}

function* font(ttf, list) {
  for (const { unified } of readJson(list)) {
    const emoji = String.fromCodePoint(...unified.split('-').map((point) => parseInt(point, 16)));
    const text = `<text x="50" y="82" font-size="76" text-anchor="middle" font-family="Noto Emoji">${emoji}</text>`;
    yield [unified, () => withResvg(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">${text}</svg>`, [ttf])];
  }
}

const [kind, ...paths] = process.argv.slice(2);
const pngs = paths.pop();
mkdirSync(pngs, { recursive: true });
for (const [name, render] of { svgs, icons, font }[kind](...paths)) writeFileSync(join(pngs, `${name}.png`), await render());
