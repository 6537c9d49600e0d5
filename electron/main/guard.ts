import { app, session, shell, type WebFrameMain } from 'electron';
import { WINDOW_ORIGIN } from '../../bridges/contract/port.ts';
import { isForBrowser, isOwn } from './addresses.ts';

/** True for the top frame of our own window, and for nothing else. */
export function isTrusted(frame: Pick<WebFrameMain, 'origin' | 'parent'> | null): boolean {
  return frame !== null && frame.parent === null && frame.origin === WINDOW_ORIGIN;
}

/** Denies every page, ours too, what none of ours needs: leaving, opening windows, embedding, devices. */
export function guardPages(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(({ url }) => {
      if (isForBrowser(url)) void shell.openExternal(url);
      return { action: 'deny' };
    });
    contents.on('will-navigate', (event) => {
      if (!isOwn(event.url)) event.preventDefault();
    });
    contents.on('will-frame-navigate', (event) => {
      if (!isOwn(event.url)) event.preventDefault();
    });
    contents.on('will-redirect', (event) => {
      if (!isOwn(event.url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
  });
  // Copying text is all a page may do; it is asked for with the page's own address.
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide, details) =>
    decide(permission === 'clipboard-sanitized-write' && details.isMainFrame && isOwn(details.requestingUrl)),
  );
  session.defaultSession.setPermissionCheckHandler(
    (_contents, permission, origin) => permission === 'clipboard-sanitized-write' && isOwn(origin),
  );
}
