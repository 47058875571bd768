// Renders OpenMoji's colour SVGs to PNG on white: node demo/render_openmoji.mjs SVG_FOLDER PNG_FOLDER
import { Resvg } from '@resvg/resvg-js';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WIDTH_PX = 96; // half as wide again as the demo's pictures, so that scaling down smooths the outlines
const [svgs, pngs] = process.argv.slice(2);

mkdirSync(pngs, { recursive: true });
for (const file of readdirSync(svgs).filter((name) => name.endsWith('.svg'))) {
  const drawing = new Resvg(readFileSync(join(svgs, file)), { fitTo: { mode: 'width', value: WIDTH_PX }, background: 'white' });
  writeFileSync(join(pngs, file.replace(/svg$/, 'png')), drawing.render().asPng());
}
