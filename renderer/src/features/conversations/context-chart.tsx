import type { ConversationNode } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { bytes } from '../../lib/format.ts';
import { ContextLegend } from './context-bar.tsx';
import { PARTS, sizeOf } from './kinds.ts';

const HEIGHT = 88;
const STEP = 10;

/** How the context grew, call by call: a column for each, as high as its request is long. The list tells the same. */
export function ContextChart({
  nodes,
  selected,
  onSelect,
}: {
  nodes: readonly ConversationNode[];
  selected: number | null;
  onSelect: (call: number) => void;
}) {
  const most = Math.max(1, ...nodes.map(({ context }) => (context ? sizeOf(context) : 0)));
  const width = nodes.length * STEP;
  return (
    <Card title="Context, call by call" actions={<ContextLegend />}>
      <div className="px-3.5 pt-3 pb-2">
        <p className="tnum mb-1 text-2xs text-faint">{bytes(most)}</p>
        <svg
          aria-hidden
          viewBox={`0 0 ${width} ${HEIGHT}`}
          preserveAspectRatio="none"
          className="block h-22 w-full border-b"
          // A short conversation keeps its columns narrow.
          style={{ maxWidth: nodes.length * 36 }}
        >
          {nodes.map((node, at) => (
            <g key={node.call} onClick={() => onSelect(node.call)}>
              <rect
                x={at * STEP}
                width={STEP}
                height={HEIGHT}
                className={node.call === selected ? 'fill-selected' : 'fill-transparent hover:fill-hover'}
              />
              <Column node={node} x={at * STEP + 1.5} scale={HEIGHT / most} />
            </g>
          ))}
        </svg>
      </div>
    </Card>
  );
}

function Column({ node: { context }, x, scale }: { node: ConversationNode; x: number; scale: number }) {
  if (context === null) return null;
  let y = HEIGHT;
  return PARTS.map(({ key, fill }) => {
    const height = context[key] * scale;
    y -= height;
    return <rect key={key} x={x} y={y} width={STEP - 3} height={height} className={fill} pointerEvents="none" />;
  });
}
