import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Rocket } from 'lucide-react';
import { Kbd } from '../components/kbd.tsx';
import { engine } from '../lib/engine.ts';
import logo from '../../../resources/icons/drawbridge.svg';
import { PLACES } from './places.ts';

const ENTRY =
  'group flex h-8 items-center gap-2.5 rounded-md px-2 text-muted transition-colors hover:bg-hover hover:text-ink data-[status=active]:bg-selected data-[status=active]:font-medium data-[status=active]:text-ink';

/** The navigation, and what this engine is. */
export function Sidebar() {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const { data: kept } = useQuery(engine.settings.get.queryOptions());
  const notices = status?.notices.filter((notice) => notice.level !== 'info').length ?? 0;
  return (
    <aside className="flex w-[200px] shrink-0 flex-col border-r bg-canvas max-[900px]:w-[52px]">
      <div className="flex h-11 shrink-0 items-center gap-2 px-3.5">
        <img src={logo} alt="" className="size-5" />
        <span className="font-semibold tracking-tight max-[900px]:sr-only">Drawbridge</span>
      </div>
      <nav aria-label="Pages" className="min-h-0 flex-1 overflow-y-auto px-2 pt-1">
        <ul className="grid gap-px">
          {PLACES.map(({ to, title, icon: Icon, keys, part }, at) => (
            <li key={to} className={at > 0 && PLACES[at - 1]?.part !== part ? 'mt-3' : undefined}>
              <Link to={to} title={title} activeOptions={{ exact: to === '/', includeSearch: false }} className={ENTRY}>
                <Icon aria-hidden size={16} className="shrink-0" />
                <span className="mr-auto max-[900px]:sr-only">{title}</span>
                {to === '/' && notices > 0 && (
                  <span className="tnum rounded bg-warn-soft px-1.5 text-2xs font-medium text-warn max-[900px]:hidden">
                    {notices}
                    <span className="sr-only"> to look at</span>
                  </span>
                )}
                <span aria-hidden className="hidden gap-0.5 group-hover:inline-flex group-focus-visible:inline-flex max-[900px]:!hidden">
                  {keys.split(' ').map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {kept?.settings.ui.welcomed === false && (
        <div className="px-2 pb-1">
          <Link to="/welcome" title="First steps" className={ENTRY}>
            <Rocket aria-hidden size={16} className="shrink-0" />
            <span className="max-[900px]:sr-only">First steps</span>
          </Link>
        </div>
      )}
      {status && (
        <p className="border-t px-4 py-3 text-2xs text-faint max-[900px]:hidden">
          Version {status.version}
          <br />
          {status.host === 'desktop' ? 'Desktop' : status.host === 'headless' ? 'Headless' : 'Gateway'} · Node{' '}
          {status.node.replace(/^v/, '')}
        </p>
      )}
    </aside>
  );
}
