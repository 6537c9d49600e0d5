import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Copy, Monitor, Moon, Pause, Play, RotateCw, Sun, Zap } from 'lucide-react';
import { toast, toastError } from '../components/toasts.tsx';
import { client } from '../host.ts';
import { useCommands } from '../lib/commands.ts';
import { copyText } from '../lib/copy-text.ts';
import { engine } from '../lib/engine.ts';
import { pauseCapture } from '../lib/pause.ts';
import { chooseTheme } from './theme.ts';

/** What can be done from every page: to the engine, and to the look of this window. */
export function useEngineCommands(): void {
  const navigate = useNavigate();
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const capture = status?.capture.state;
  const companion = status?.listeners.find(({ name }) => name === 'companion');
  const address = companion?.address ?? null;
  useCommands([
    {
      id: 'practice',
      title: 'Make a practice call',
      group: 'Calls',
      icon: Zap,
      words: 'try test first call',
      run: () =>
        void client.practice.call({}).then(
          ({ id }) => navigate({ to: '/calls/$id', params: { id: String(id) } }),
          (error: unknown) => toastError('The practice call failed', error),
        ),
    },
    ...(capture === 'recording' || capture === 'paused'
      ? [
          {
            id: 'pause',
            title: capture === 'paused' ? 'Resume capture' : 'Pause capture',
            group: 'Calls',
            icon: capture === 'paused' ? Play : Pause,
            words: 'record stop privacy',
            run: () => pauseCapture(capture !== 'paused'),
          },
        ]
      : []),
    ...(address === null
      ? [
          {
            id: 'retry companion',
            title: 'Start the companion again',
            group: 'Engine',
            icon: RotateCw,
            run: () => void client.companion.retry().catch((error: unknown) => toastError('The companion did not start', error)),
          },
        ]
      : [
          {
            id: 'copy address',
            title: 'Copy the companion’s URL',
            group: 'Engine',
            icon: Copy,
            words: 'address port base',
            run: () =>
              void copyText(`http://${address}`).then(
                () => toast({ title: 'Copied the companion’s URL', detail: `http://${address}` }),
                (error: unknown) => toastError('The companion’s URL could not be copied', error),
              ),
          },
        ]),
    { id: 'theme system', title: 'Theme: as the system', group: 'Appearance', icon: Monitor, run: () => chooseTheme('system') },
    { id: 'theme light', title: 'Theme: light', group: 'Appearance', icon: Sun, run: () => chooseTheme('light') },
    { id: 'theme dark', title: 'Theme: dark', group: 'Appearance', icon: Moon, run: () => chooseTheme('dark') },
  ]);
}
