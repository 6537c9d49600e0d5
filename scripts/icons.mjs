// node scripts/icons.mjs: draws every icon anew, from the shapes below. Run by hand after a shape was changed; what it
// writes is kept in the repository, so that nothing has to be drawn to build.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

const folder = path.resolve(import.meta.dirname, '../resources');

// Shapes on a grid of 32, as in icons/drawbridge.svg. A shape answers whether a point lies inside of it.
const line = (x1, y1, x2, y2, width) => (x, y) => {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const t = Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy) <= width / 2;
};
const disc = (cx, cy, r) => (x, y) => Math.hypot(x - cx, y - cy) <= r;
const box = (x1, y1, x2, y2, r) => (x, y) => {
  const [ox, oy] = [Math.max(x1 + r - x, x - (x2 - r), 0), Math.max(y1 + r - y, y - (y2 - r), 0)];
  return x >= x1 && x <= x2 && y >= y1 && y <= y2 && Math.hypot(ox, oy) <= r;
};
const any =
  (...shapes) =>
  (x, y) =>
    shapes.some((shape) => shape(x, y));
const without = (shape, hole) => (x, y) => shape(x, y) && !hole(x, y);

const towers = (w) =>
  any(line(7.5, 8, 7.5, 24.5, w), line(24.5, 8, 24.5, 24.5, w), box(5.3, 5.6, 9.7, 9, 0.6), box(22.3, 5.6, 26.7, 9, 0.6));
const lowered = (w) => any(line(7.5, 21.5, 24.5, 21.5, w), line(7.5, 10.5, 14.9, 21.2, w * 0.66), line(24.5, 10.5, 17.1, 21.2, w * 0.66));
const raised = (w) => any(line(7.5, 21.5, 13, 11.5, w), line(24.5, 21.5, 19, 11.5, w));
const bridge = (w) => any(towers(w), lowered(w));
const badge = (glyph, sign) => any(without(glyph, disc(22.5, 22, 7.3)), without(disc(22.5, 22, 5.9), sign));

const glyphs = (w) => ({
  ready: bridge(w),
  active: any(bridge(w), disc(16, 12.5, 2.9)),
  paused: badge(bridge(w), any(line(20.8, 19.7, 20.8, 24.3, 1.6), line(24.2, 19.7, 24.2, 24.3, 1.6))),
  attention: badge(bridge(w), any(line(22.5, 18.7, 22.5, 22.4, 1.9), disc(22.5, 25.1, 1.15))),
  off: any(towers(w), raised(w)),
});

const BLUE = [0x34, 0x51, 0xc6];
const BADGES = { paused: [0x8a, 0x93, 0xa6], attention: [0xe0, 0x7b, 0x1f], active: [0x2f, 0xb3, 0x6d], off: [0x8a, 0x93, 0xa6] };

/** RGBA pixels of layers drawn over each other, each `[shape, colour]`; `view` is the part of the grid that is shown. */
function paint(size, view, layers) {
  const [vx, vy, span] = view;
  const pixels = Buffer.alloc(size * size * 4);
  const fine = size > 256 ? 3 : 6;
  for (let py = 0; py < size; py++) {
    for (let px = 0; px < size; px++) {
      const sum = [0, 0, 0, 0];
      for (let s = 0; s < fine * fine; s++) {
        const x = vx + ((px + ((s % fine) + 0.5) / fine) / size) * span;
        const y = vy + ((py + (Math.floor(s / fine) + 0.5) / fine) / size) * span;
        const colour = layers.findLast(([shape]) => shape(x, y))?.[1];
        if (colour === undefined) continue;
        for (let c = 0; c < 3; c++) sum[c] += colour[c];
        sum[3] += 1;
      }
      const at = (py * size + px) * 4;
      for (let c = 0; c < 3; c++) pixels[at + c] = sum[3] === 0 ? 0 : Math.round(sum[c] / sum[3]);
      pixels[at + 3] = Math.round((sum[3] / (fine * fine)) * 255);
    }
  }
  return png(size, pixels);
}

/** PNG (ISO/IEC 15948), 8 bit RGBA. */
function png(size, pixels) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let y = 0; y < size; y++) pixels.copy(rows, y * (size * 4 + 1) + 1, y * size * 4, (y + 1) * size * 4);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    return Buffer.concat([u32(data.length), body, u32(crc32(body))]);
  };
  const head = Buffer.concat([u32(size), u32(size), Buffer.from([8, 6, 0, 0, 0])]);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

/** A Windows icon that holds PNGs of several sizes (Vista and newer). */
function ico(images) {
  let offset = 6 + images.length * 16;
  const entries = images.map(([size, data]) => {
    const entry = Buffer.alloc(16);
    entry.writeUInt8(size % 256, 0);
    entry.writeUInt8(size % 256, 1);
    entry.writeUInt16LE(1, 4);
    entry.writeUInt16LE(32, 6);
    entry.writeUInt32LE(data.length, 8);
    entry.writeUInt32LE(offset, 12);
    offset += data.length;
    return entry;
  });
  const head = Buffer.from([0, 0, 1, 0, images.length, 0]);
  return Buffer.concat([head, ...entries, ...images.map(([, data]) => data)]);
}

/** A macOS icon that holds PNGs, each under the type of its size. */
function icns(images) {
  const parts = images.map(([type, data]) => Buffer.concat([Buffer.from(type), u32(data.length + 8), data]));
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from('icns'), u32(body.length + 8), body]);
}

function u32(value) {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value >>> 0);
  return out;
}

const write = (name, data) => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, data);
};

const CLOSE = [4, 3.5, 24.5];
const WHOLE = [0, 0, 32];
const tile = (state) => [
  [box(0, 0, 32, 32, 8), state === 'off' ? BADGES.off : BLUE],
  [state === 'off' ? glyphs(2.4).off : bridge(2.4), [255, 255, 255]],
  ...(state === 'active' ? [[disc(25.5, 25.5, 6.5), BADGES.active]] : []),
  ...(state === 'paused'
    ? [
        [disc(25.5, 25.5, 6.5), BADGES.paused],
        [any(line(23.8, 23, 23.8, 28, 1.6), line(27.2, 23, 27.2, 28, 1.6)), [255, 255, 255]],
      ]
    : []),
  ...(state === 'attention'
    ? [
        [disc(25.5, 25.5, 6.5), BADGES.attention],
        [any(line(25.5, 22, 25.5, 26, 1.9), disc(25.5, 28.6, 1.2)), [255, 255, 255]],
      ]
    : []),
];

for (const [state, thick] of Object.entries(glyphs(3))) {
  const shape = (size) => (size <= 20 ? thick : glyphs(2.6)[state]);
  write(`tray/${state}Template.png`, paint(16, CLOSE, [[shape(16), [0, 0, 0]]]));
  write(`tray/${state}Template@2x.png`, paint(32, CLOSE, [[shape(32), [0, 0, 0]]]));
  const icons = (colour) => ico([16, 20, 24, 32, 48].map((size) => [size, paint(size, CLOSE, [[shape(size), colour]])]));
  write(`tray/${state}-light.ico`, icons([32, 32, 32]));
  write(`tray/${state}-dark.ico`, icons([255, 255, 255]));
  write(`tray/${state}.png`, paint(48, WHOLE, tile(state)));
}

const app = (size) => paint(size, WHOLE, tile('ready'));
// macOS wants its icons' own margin.
const mac = (size) => paint(size, [-3.9, -3.9, 39.8], tile('ready'));
for (const size of [256, 512]) write(`icons/drawbridge-${size}.png`, app(size));
write('icons/drawbridge.ico', ico([16, 24, 32, 48, 64, 256].map((size) => [size, app(size)])));
write(
  'icons/drawbridge.icns',
  icns([
    ['ic07', mac(128)],
    ['ic08', mac(256)],
    ['ic09', mac(512)],
    ['ic10', mac(1024)],
    ['ic11', mac(32)],
    ['ic12', mac(64)],
  ]),
);
