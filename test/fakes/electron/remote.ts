/** What a test can see and do of an app that runs on the fake, over the process' own channel. */

export type MenuView = {
  id: string;
  label: string;
  type: string;
  enabled: boolean;
  checked: boolean;
  items: MenuView[];
};

export type WindowView = { id: number; visible: boolean; url: string; target: string; frame: boolean; bounds: Electron.Rectangle };

export type AppView = {
  tray: { image: string; toolTip: string; menu: MenuView[]; attached: boolean } | null;
  windows: WindowView[];
  notifications: { title: string; body: string }[];
  dialogs: { message: string; detail: string; buttons: string[]; open: boolean }[];
  /** Addresses handed to the system's browser. */
  opened: string[];
  /** Requests of pages to anywhere but the app's own scheme. */
  blocked: string[];
  /** Navigations that were prevented. */
  prevented: string[];
  preloadErrors: string[];
  loginItem: boolean;
  dockVisible: boolean;
  engine: number | null;
  /** How many engine processes were started. */
  engines: number;
};

/** Things that are done to the app as the system, or a person, does them. */
export type Deed =
  | { do: 'menu'; id: string }
  | { do: 'tray-click' }
  | { do: 'close'; window: number }
  | { do: 'blur'; window: number }
  | { do: 'crash'; window: number }
  | { do: 'notification'; index: number; event: 'click' | 'failed' }
  | { do: 'answer'; index: number; response: number }
  | { do: 'power'; event: 'suspend' | 'resume' | 'unlock-screen' }
  | { do: 'activate' }
  | { do: 'open-url'; url: string }
  /** A page of another origin in the place of ours, as if the shell had been tricked. */
  | { do: 'replace'; window: number; url: string; html: string }
  /** A message on a channel, from a frame that says this of itself. Answers with what was sent back. */
  | { do: 'forge'; channel: string; args?: unknown[]; frame: { origin: string; url: string; top: boolean } | null }
  /** Whether the app would let a page have this. */
  | { do: 'permission'; name: string; url: string }
  | { do: 'quit' };

export type Question = { id: number; ask: 'view' } | { id: number; ask: 'deed'; deed: Deed };
export type Answer = { id: number; value: unknown; error?: string } | { changed: true };
