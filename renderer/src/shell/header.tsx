import { useQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { Keyboard, Monitor, Moon, Search, Sun, type LucideIcon } from 'lucide-react';
import { useEffect } from 'react';
import { Badge } from '../components/badge.tsx';
import { IconButton } from '../components/button.tsx';
import { Kbd } from '../components/kbd.tsx';
import { StatusDot, type DotTone } from '../components/status-dot.tsx';
import { engine } from '../lib/engine.ts';
import { connection, type Connection } from '../lib/live.ts';
import { plural } from '../lib/format.ts';
import { useStore } from '../lib/store.ts';
import { keysOf } from '../lib/shortcuts.ts';
import { theme, type Theme } from '../lib/theme.ts';
import { cycleTheme } from './theme.ts';
import { titleAt } from './places.ts';

const CONNECTION: Readonly<Record<Connection['phase'], { tone: DotTone; label: string; title: string }>> = {
  connecting: { tone: 'idle', label: 'Connecting', title: 'Asking the engine for its events.' },
  live: { tone: 'ok', label: 'Live', title: 'What happens in the engine appears here at once.' },
  retrying: { tone: 'warn', label: 'Reconnecting', title: 'The engine does not answer. This window keeps trying.' },
};

const THEMES: Readonly<Record<Theme, { icon: LucideIcon; label: string }>> = {
  system: { icon: Monitor, label: 'Theme: as the system' },
  light: { icon: Sun, label: 'Theme: light' },
  dark: { icon: Moon, label: 'Theme: dark' },
};

/** The title of the page, and how the engine, the recorder and this window stand. */
export function Header({ onPalette, onShortcuts }: { onPalette: () => void; onShortcuts: () => void }) {
  const title = titleAt(useLocation({ select: (location) => location.pathname }));
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const link = CONNECTION[useStore(connection).phase];
  const chosen = THEMES[useStore(theme)];
  useEffect(() => {
    document.title = `${title} · Drawbridge`;
  }, [title]);
  return (
    <header className="flex h-11 shrink-0 items-center gap-3 border-b bg-surface px-4">
      <h1 className="mr-auto font-semibold">{title}</h1>
      {status?.capture.state === 'paused' && <Badge tone="warn">Capture paused</Badge>}
      {status?.capture.state === 'failed' && <Badge tone="bad">Capture failed</Badge>}
      {status !== undefined && status.capture.dropped > 0 && (
        <Badge tone="warn">{plural(status.capture.dropped, 'call')} not captured</Badge>
      )}
      <span role="status" title={link.title} className="flex items-center gap-1.5 text-xs text-muted">
        <StatusDot tone={link.tone} />
        {link.label}
      </span>
      <button
        type="button"
        onClick={onPalette}
        className="flex h-7 items-center gap-1.5 rounded-md border bg-sunken pr-1.5 pl-2 text-xs text-muted transition-colors hover:border-line-strong hover:text-ink max-[900px]:border-transparent max-[900px]:bg-transparent"
      >
        <Search aria-hidden size={13} />
        <span className="pr-3 max-[900px]:sr-only">Commands</span>
        <span aria-hidden className="flex gap-0.5 max-[900px]:hidden">
          {keysOf('mod k').map((key) => (
            <Kbd key={key}>{key}</Kbd>
          ))}
        </span>
      </button>
      <span className="flex">
        <IconButton label={chosen.label} onClick={cycleTheme}>
          <chosen.icon aria-hidden size={15} />
        </IconButton>
        <IconButton label="Keyboard shortcuts" onClick={onShortcuts}>
          <Keyboard aria-hidden size={15} />
        </IconButton>
      </span>
    </header>
  );
}
