import { startHeadlessShell } from './headless-shell.ts';
import { behaves } from './suite.ts';

behaves('plain Node', startHeadlessShell, { desktop: false, timers: true });
