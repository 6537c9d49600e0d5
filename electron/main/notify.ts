import { Notification } from 'electron';
import type { Notice } from '../../bridges/contract/index.ts';

/** Kept until they are gone: a notification that is collected is no longer clickable. */
const open = new Set<Notification>();

/** Shows a notice by the system; `instead` where it can't (no service, or an app that is not signed). */
export function notify(notice: Notice, onClick: () => void, instead: () => void): void {
  if (!Notification.isSupported()) return instead();
  const shown = new Notification({ title: notice.title, body: notice.cause });
  open.add(shown);
  shown.once('click', () => {
    open.delete(shown);
    onClick();
  });
  shown.once('close', () => open.delete(shown));
  shown.once('failed', () => {
    open.delete(shown);
    instead();
  });
  shown.show();
}
