import { cn } from '../../lib/cn.ts';

/** Pixels. The nodes of a column are all of one height, so that lines can be drawn to them without measuring. */
export const NODE_HEIGHT = 48;
export const NODE_GAP = 8;

/** What passes along one line. */
export type Edge = { calls: number; open: number; failing: boolean; shut: boolean };

const STEP = NODE_HEIGHT + NODE_GAP;
const WIDTH = 100;

/** The lines between a column of nodes and the one in the middle: `from` the left column to it, or from it `to` the right. */
export function Edges({ from, to, rows }: { from?: readonly Edge[]; to?: readonly Edge[]; rows: number }) {
  const edges = from ?? to ?? [];
  const height = rows * STEP - NODE_GAP;
  const top = (height - (edges.length * STEP - NODE_GAP)) / 2;
  const most = Math.max(1, ...edges.map(({ calls }) => calls));
  return (
    <svg
      aria-hidden
      viewBox={`0 0 ${WIDTH} ${height}`}
      preserveAspectRatio="none"
      className="h-full w-full overflow-visible max-[980px]:hidden"
      style={{ height }}
    >
      {edges.map((edge, at) => {
        const y = top + at * STEP + NODE_HEIGHT / 2;
        const [start, end] = from ? [y, height / 2] : [height / 2, y];
        const path = `M0 ${start} C${WIDTH / 2} ${start} ${WIDTH / 2} ${end} ${WIDTH} ${end}`;
        return (
          <g key={path} fill="none" vectorEffect="non-scaling-stroke">
            <path
              d={path}
              vectorEffect="non-scaling-stroke"
              strokeWidth={edge.calls === 0 ? 1.25 : 1.5 + 2.5 * (edge.calls / most)}
              strokeDasharray={edge.shut ? '3 4' : undefined}
              strokeLinecap="round"
              className={cn(
                edge.shut
                  ? 'stroke-line-strong'
                  : edge.failing
                    ? 'stroke-bad/60'
                    : edge.calls > 0
                      ? 'stroke-accent/45'
                      : 'stroke-line-strong',
              )}
            />
            {edge.open > 0 && !edge.shut && (
              <path
                d={path}
                vectorEffect="non-scaling-stroke"
                strokeWidth={3}
                strokeDasharray="1 11"
                strokeLinecap="round"
                className="animate-flow stroke-accent"
              />
            )}
          </g>
        );
      })}
    </svg>
  );
}
