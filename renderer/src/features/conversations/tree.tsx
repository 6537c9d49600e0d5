import { Maximize2, ZoomIn, ZoomOut } from 'lucide-react';
import { memo, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { IconButton } from '../../components/button.tsx';
import { costText } from '../../components/cost.tsx';
import { cn } from '../../lib/cn.ts';
import { time } from '../../lib/format.ts';
import { contextWords, hasFailed, KINDS, nodeWords, PARTS, sizeOf, tokenWords } from './kinds.ts';
import { step, type Direction, type Layout, type Placed } from './layout.ts';

/** Pixels of the drawing at its own size. */
const CARD = { width: 224, height: 62 };
const GAP = { x: 28, y: 30 };
const MARGIN = 20;
const STEP_X = CARD.width + GAP.x;
const STEP_Y = CARD.height + GAP.y;
const LETTERS = 34;

const ZOOM = { least: 0.2, most: 2, by: 1.2 };
const ARROWS: Readonly<Record<string, Direction>> = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' };

const left = (one: Placed): number => MARGIN + one.column * STEP_X;
const top = (one: Placed): number => MARGIN + one.row * STEP_Y;
const idOf = (call: number): string => `node-${call}`;

/**
 * The calls of a conversation as a tree that goes down with time. Arrow keys walk it, Enter opens the call, `+`, `-` and
 * `0` zoom, and so does the wheel with Ctrl. One focus stop: the chosen node is told by `aria-activedescendant`.
 */
export function Tree({
  layout,
  selected,
  onSelect,
  onOpen,
}: {
  layout: Layout;
  selected: number | null;
  onSelect: (call: number) => void;
  onOpen: (call: number) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState(1);
  const [hovered, setHovered] = useState<Placed | null>(null);
  const width = MARGIN * 2 + layout.columns * STEP_X - GAP.x;
  const height = MARGIN * 2 + layout.rows * STEP_Y - GAP.y;
  const most = useMemo(() => Math.max(1, ...layout.placed.map(({ node }) => (node.context ? sizeOf(node.context) : 0))), [layout]);
  const current = layout.placed.find(({ node }) => node.call === selected) ?? null;

  const zoomBy = (factor: number): void => setZoom((now) => Math.min(ZOOM.most, Math.max(ZOOM.least, now * factor)));
  const fit = (): void => {
    const box = scroller.current;
    if (box) setZoom(Math.min(1, Math.max(ZOOM.least, Math.min(box.clientWidth / width, box.clientHeight / height))));
  };

  // React listens to the wheel passively, where the page's own zoom cannot be held back.
  useEffect(() => {
    const box = scroller.current;
    if (!box) return undefined;
    const wheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      setZoom((now) => Math.min(ZOOM.most, Math.max(ZOOM.least, now * Math.exp(-event.deltaY / 300))));
    };
    box.addEventListener('wheel', wheel, { passive: false });
    return () => box.removeEventListener('wheel', wheel);
  }, []);

  useEffect(() => {
    if (selected !== null) document.getElementById(idOf(selected))?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [selected]);

  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const take = (then: () => void): void => {
      event.preventDefault();
      then();
    };
    const go = (to: Placed | null | undefined): void => {
      if (to) onSelect(to.node.call);
    };
    const direction = ARROWS[event.key];
    setHovered(null);
    if (direction) return take(() => go(current === null ? layout.placed[0] : step(layout, current, direction)));
    if (event.key === 'Home') return take(() => go(layout.placed[0]));
    if (event.key === 'End') return take(() => go(layout.placed.at(-1)));
    if (event.key === 'Enter' && selected !== null) return take(() => onOpen(selected));
    if (event.key === '+' || event.key === '=') return take(() => zoomBy(ZOOM.by));
    if (event.key === '-') return take(() => zoomBy(1 / ZOOM.by));
    if (event.key === '0') return take(() => setZoom(1));
    if (event.key === 'f') return take(fit);
    return undefined;
  };

  return (
    <div className="relative min-h-0">
      <div
        ref={scroller}
        role="tree"
        aria-label="Calls of this conversation"
        tabIndex={0}
        aria-activedescendant={selected === null ? undefined : idOf(selected)}
        onKeyDown={press}
        onPointerLeave={() => setHovered(null)}
        className="group h-full overflow-auto bg-canvas focus-visible:-outline-offset-2"
      >
        <div className="relative mx-auto w-fit">
          <svg
            role="presentation"
            width={width * zoom}
            height={height * zoom}
            viewBox={`0 0 ${width} ${height}`}
            className="block font-sans select-none"
          >
            <g aria-hidden fill="none" strokeWidth={1.5}>
              {layout.placed.map((one) => one.parent && <Edge key={one.node.call} from={one.parent} to={one} />)}
            </g>
            {layout.placed.map((one) => (
              <NodeCard
                key={one.node.call}
                placed={one}
                most={most}
                isSelected={one.node.call === selected}
                onSelect={onSelect}
                onOpen={onOpen}
                onHover={setHovered}
              />
            ))}
          </svg>
          {hovered && <Tip placed={hovered} zoom={zoom} />}
        </div>
      </div>
      <div
        role="group"
        aria-label="Zoom"
        className="absolute right-3 bottom-3 flex items-center rounded-md border bg-raised p-0.5 shadow-sm"
      >
        <IconButton label="Zoom out (-)" onClick={() => zoomBy(1 / ZOOM.by)}>
          <ZoomOut aria-hidden size={14} />
        </IconButton>
        <button
          type="button"
          title="Back to its own size (0)"
          onClick={() => setZoom(1)}
          className="tnum h-7 w-11 rounded-md text-center text-2xs text-muted hover:bg-hover"
        >
          {Math.round(zoom * 100)} %
        </button>
        <IconButton label="Zoom in (+)" onClick={() => zoomBy(ZOOM.by)}>
          <ZoomIn aria-hidden size={14} />
        </IconButton>
        <IconButton label="Fit all of it (f)" onClick={fit}>
          <Maximize2 aria-hidden size={14} />
        </IconButton>
      </div>
    </div>
  );
}

/** Down along a line; to another column through the gap below the parent, where no card stands. */
const Edge = memo(function Edge({ from, to }: { from: Placed; to: Placed }) {
  const x = left(from) + CARD.width / 2;
  const y = top(from) + CARD.height;
  const end = { x: left(to) + CARD.width / 2, y: top(to) };
  const middle = end.y - GAP.y / 2;
  const round = 7;
  const path =
    end.x === x
      ? `M${x} ${y} V${end.y}`
      : `M${x} ${y} V${middle - round} Q${x} ${middle} ${x + Math.sign(end.x - x) * round} ${middle} H${end.x - Math.sign(end.x - x) * round} Q${end.x} ${middle} ${end.x} ${middle + round} V${end.y}`;
  return <path d={path} className="stroke-line-strong" strokeDasharray={to.node.kind === 'subtask' ? '4 4' : undefined} />;
});

const NodeCard = memo(function NodeCard({
  placed,
  most,
  isSelected,
  onSelect,
  onOpen,
  onHover,
}: {
  placed: Placed;
  most: number;
  isSelected: boolean;
  onSelect: (call: number) => void;
  onOpen: (call: number) => void;
  onHover: (placed: Placed | null) => void;
}) {
  const { node } = placed;
  const failed = hasFailed(node);
  const kind = KINDS[node.kind];
  return (
    <g transform={`translate(${left(placed)} ${top(placed)})`}>
      <g
        id={idOf(node.call)}
        role="treeitem"
        aria-level={placed.row + 1}
        aria-selected={isSelected}
        aria-label={nodeWords(node)}
        onClick={() => onSelect(node.call)}
        onDoubleClick={() => onOpen(node.call)}
        onPointerEnter={() => onHover(placed)}
      >
        <rect
          width={CARD.width}
          height={CARD.height}
          rx={7}
          strokeWidth={isSelected ? 2 : 1}
          className={cn(
            isSelected ? 'fill-selected stroke-accent' : 'fill-surface stroke-line-strong hover:fill-hover',
            failed && !isSelected && 'stroke-bad',
          )}
        />
      </g>
      {/* The label says all of it, and more than there is room for. */}
      <g aria-hidden pointerEvents="none">
        <rect x={8} y={10} width={3} height={30} rx={1.5} className={failed ? 'fill-bad' : kind.fill} />
        <text x={19} y={22} fontSize={12} fontWeight={500} className="fill-ink">
          {cutTo(node.title ?? 'Nothing readable', LETTERS)}
        </text>
        <text x={19} y={38} fontSize={11} className="tnum fill-muted">
          {node.kind !== 'turn' && <tspan className={kind.fill}>{kind.word} · </tspan>}
          {failed ? (
            <tspan className="fill-bad">{node.state === 'cut' ? 'cut' : `failed, ${node.status}`}</tspan>
          ) : node.state === 'open' ? (
            'running'
          ) : (
            tokenWords(node.tokens)
          )}
        </text>
        {!failed && (
          <text x={CARD.width - 10} y={38} fontSize={11} textAnchor="end" className={node.cost.usd === null ? 'fill-faint' : 'fill-muted'}>
            {node.cost.usd === null ? 'cost ?' : costText(node.cost).replace('at least', '≥')}
          </text>
        )}
        <rect x={8} y={49} width={CARD.width - 16} height={5} rx={1.5} className="fill-sunken" />
        <Bar placed={placed} width={CARD.width - 16} most={most} />
      </g>
    </g>
  );
});

function Bar({ placed: { node }, width, most }: { placed: Placed; width: number; most: number }) {
  const { context } = node;
  if (context === null) return null;
  let x = 8;
  return PARTS.map(({ key, fill }) => {
    const at = x;
    const wide = (context[key] / most) * width;
    x += wide;
    return <rect key={key} x={at} y={49} width={wide} height={5} className={fill} />;
  });
}

/** More about the node under the pointer. What it says stands beside the tree too, once the node is chosen. */
function Tip({ placed, zoom }: { placed: Placed; zoom: number }) {
  const { node } = placed;
  return (
    <div
      role="tooltip"
      className="pointer-events-none absolute z-10 grid w-72 gap-1 rounded-lg border bg-raised px-3 py-2 text-xs shadow-lg"
      style={{ left: left(placed) * zoom, top: (top(placed) + CARD.height + 6) * zoom }}
    >
      <p className="line-clamp-3 font-medium break-words">{node.title ?? 'Nothing readable'}</p>
      <p className="text-muted">
        {KINDS[node.kind].word} · {node.model ?? 'model not stated'} · {time(node.startedAt)}
      </p>
      <p className="tnum text-muted">
        {tokenWords(node.tokens)}; cost {costText(node.cost)}
        {node.cost.usd !== null && ` (${node.cost.label})`}
      </p>
      <p className="tnum text-2xs text-faint">{contextWords(node.context)}</p>
    </div>
  );
}

function cutTo(text: string, letters: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= letters ? line : `${line.slice(0, letters - 1).trimEnd()}…`;
}
