/**
 * What the desktop shell, its preload and the window agree on besides the contract. No schema library here: this file
 * reaches the window's bundle and the preload.
 */

/** Where the desktop app serves the window. */
export const WINDOW_ORIGIN = 'app://drawbridge';

/** Channels between the shell and a window's preload. */
export const CHANNEL = {
  /** The window asks for the engine. */
  connect: 'drawbridge:connect',
  /** The engine's port comes (or, without a port, the engine went away). */
  port: 'drawbridge:port',
  /** The shell asks the window to show another page. */
  show: 'drawbridge:show',
  /** The popover asks the shell for a page in the window. */
  open: 'drawbridge:open',
} as const;

/** What the preload gives the window. */
export type ShellBridge = {
  /** Asks for a port to the engine; it comes as a message of the window itself, and again for each new engine. */
  connect(): void;
  /** Asks the shell to show a page (its path) in the window: for the popover, which is too small for most. */
  show(path: string): void;
};

/** What the window is told by messages of its own. */
export type ShellMessage = { type: typeof CHANNEL.port } | { type: typeof CHANNEL.show; path: string };
