import { startFakeShell } from './fake-shell.ts';
import { behaves } from './suite.ts';

behaves('the fake Electron', startFakeShell, { desktop: true, timers: true });
