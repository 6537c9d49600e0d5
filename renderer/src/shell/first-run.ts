import { useQuery } from '@tanstack/react-query';
import { useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { engine } from '../lib/engine.ts';

/** Leads to the welcome page the first time ever, and only where the window opened on its first page. */
export function useFirstRun(): void {
  const navigate = useNavigate();
  const pathname = useLocation({ select: (location) => location.pathname });
  const { data } = useQuery(engine.settings.get.queryOptions());
  const asked = useRef(false);
  const welcomed = data?.settings.ui.welcomed;
  useEffect(() => {
    if (welcomed === undefined || asked.current) return;
    asked.current = true;
    if (!welcomed && pathname === '/') void navigate({ to: '/welcome', replace: true });
  }, [welcomed, pathname, navigate]);
}
