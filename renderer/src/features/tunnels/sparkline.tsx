const WIDTH = 160;
const HEIGHT = 28;

/** A small curve, from its lowest use of zero to its highest point. Gaps stay gaps. */
export function Sparkline({ label, points }: { label: string; points: readonly (number | null)[] }) {
  const known = points.filter((point) => point !== null);
  const top = Math.max(1, ...known);
  return (
    <svg
      role="img"
      aria-label={known.length === 0 ? `${label}: nothing yet` : `${label}: now ${known.at(-1)}, at most ${top}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className="h-7 w-full overflow-visible"
    >
      <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="stroke-line" vectorEffect="non-scaling-stroke" />
      {known.length > 1 && (
        <path
          d={pathOf(points, top)}
          fill="none"
          strokeWidth="1.5"
          strokeLinejoin="round"
          vectorEffect="non-scaling-stroke"
          className="stroke-accent"
        />
      )}
    </svg>
  );
}

/** The curve as SVG draws it: `M` begins a run, `L` goes on. Pure. */
function pathOf(points: readonly (number | null)[], top: number): string {
  const step = WIDTH / Math.max(1, points.length - 1);
  return points
    .map((point, index) => {
      if (point === null) return '';
      const before = points[index - 1];
      const y = HEIGHT - 1 - (point / top) * (HEIGHT - 3);
      return `${before === null || before === undefined ? 'M' : 'L'}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
