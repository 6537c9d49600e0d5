import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import './plot.css';

export type PlotLine = { values: readonly (number | null)[]; colour: string };
export type PlotProps = {
  /** Unix milliseconds. */
  times: readonly number[];
  /** Drawn in order; of columns that stand on each other the highest comes first. */
  lines: readonly PlotLine[];
  kind: 'columns' | 'lines' | 'steps';
  /** Of a value on the scale. */
  format: (value: number) => string;
  /** Colours of the scale and its lines, as CSS. */
  ink: string;
  grid: string;
  /** A scale that does not follow the values. */
  range?: readonly [number, number];
  /** Which point the pointer is at; null where it is at none. */
  onPoint: (index: number | null) => void;
};

const HEIGHT = 190;

/** The drawing of a chart. A picture only: what it says stands in the table below it. */
export default function Plot({ times, lines, kind, format, ink, grid, range, onPoint }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const point = useRef(onPoint);
  useEffect(() => {
    point.current = onPoint;
  });
  useEffect(() => {
    const parent = box.current;
    if (!parent) return undefined;
    const bars = uPlot.paths.bars;
    const steps = uPlot.paths.stepped;
    const axis = { stroke: ink, font: '11px system-ui, sans-serif', ticks: { show: false } };
    const plot = new uPlot(
      {
        width: Math.max(100, parent.clientWidth),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: kind !== 'columns' } },
        padding: [8, 12, 0, 4],
        scales: {
          x: { time: true, ...(kind === 'columns' && { range: (_: uPlot, min: number, max: number) => padded(times, min, max) }) },
          y: { range: range ? [range[0], range[1]] : (_: uPlot, _min: number, max: number) => [0, max > 0 ? max * 1.08 : 1] },
        },
        axes: [
          { ...axis, grid: { show: false }, size: 26, space: 64, values: dates },
          { ...axis, grid: { stroke: grid, width: 1 }, size: 62, space: 34, values: (_, splits) => splits.map((value) => format(value)) },
        ],
        series: [
          {},
          ...lines.map(({ colour }) => ({
            stroke: colour,
            width: kind === 'columns' ? 0 : 1.75,
            ...(kind === 'columns' ? { fill: colour, ...(bars && { paths: bars({ size: [0.72, 36] }) }) } : {}),
            ...(kind === 'steps' && steps ? { paths: steps({ align: 1 }) } : {}),
            spanGaps: kind !== 'columns',
            points: { show: kind === 'lines', size: 4, fill: colour },
          })),
        ],
        hooks: { setCursor: [(self) => point.current(self.cursor.idx ?? null)] },
      },
      [times.map((time) => time / 1000), ...lines.map(({ values }) => [...values])],
      parent,
    );
    const resized = new ResizeObserver(() => plot.setSize({ width: Math.max(100, parent.clientWidth), height: HEIGHT }));
    resized.observe(parent);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [times, lines, kind, format, ink, grid, range]);
  return <div ref={box} aria-hidden className="overflow-hidden" style={{ height: HEIGHT }} onPointerLeave={() => onPoint(null)} />;
}

/** Room for half a column at both ends. */
function padded(times: readonly number[], min: number, max: number): [number, number] {
  const half = times.length > 1 ? (max - min) / (times.length - 1) / 2 : 1800;
  return [min - half, max + half];
}

const hours = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const days = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

function dates(_: uPlot, splits: number[], _axis: number, _space: number, increment: number): string[] {
  return splits.map((seconds) => (increment >= 86_400 ? days : hours).format(new Date(seconds * 1000)));
}
