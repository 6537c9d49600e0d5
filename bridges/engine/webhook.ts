import { whyUnanswered } from '../accounts/unanswered.ts';
import type { Net } from '../accounts/net.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Notice, WebhookStatus, WebhookTrial } from '../contract/index.ts';
import { newsOf, type Told } from '../contract/news.ts';
import { callableUrl } from '../contract/urls.ts';
import type { Clock } from './clock.ts';
import { holdSecret } from './held-secret.ts';
import type { Logger } from './log.ts';
import { SECRET_PROBLEMS, type SecretProblem, type SecretStore } from './secrets.ts';
import type { SettingsStore } from './settings.ts';

export type Webhook = {
  status(): WebhookStatus;
  /** Throws bad_input where it can't be an address. May throw SecretError. */
  set(url: string | null): Promise<WebhookStatus>;
  /** Sends a message that says what it is; without an address to the one that is set. Throws bad_input. */
  try(url: string | undefined): Promise<WebhookTrial>;
  /** Reads the address out of the keychain, where one is set, and begins to look for news. Never rejects. */
  read(): Promise<void>;
  /** True where the keychain would not give the address. */
  failed(): boolean;
  /** Sends what is new among the notices, if anything is. Never rejects. */
  look(): Promise<void>;
  stop(): void;
};

export type WebhookPorts = {
  settings: Pick<SettingsStore, 'current' | 'update'>;
  keychain: SecretStore;
  net: Net;
  notices: () => readonly Notice[];
  clock: Clock;
  log: Logger;
  /** The name of this machine: its owner may have several. */
  machine: string;
  onChange: () => void;
  /** How often the notices are looked at. Milliseconds. */
  lookMs?: number;
};

const URL_SECRET = 'notices-webhook';
const LOOK_MS = 15_000;
/** What was not taken is sent again this much later, as things stand then; where it was refused for good, later still. */
const AGAIN_MS = 60_000;
const REFUSED_MS = 3_600_000;

/**
 * Tells the owner what the desktop app interrupts for, also where there is no desktop. News are what was not told before:
 * what could not be sent stays news for as long as it is so.
 */
export function createWebhook(ports: WebhookPorts): Webhook {
  const { settings, clock, log, machine, lookMs = LOOK_MS } = ports;
  const own = () => settings.current().webhook;
  const held = holdSecret(ports.keychain, () => own().urlSecret ?? URL_SECRET, log);
  const address = (): string | undefined => {
    const kept = own().urlSecret === null ? undefined : held.value();
    return callableUrl.safeParse(kept).success ? kept : undefined;
  };
  let told: Told = new Map();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let restUntil = 0;
  let sentAt: string | null = null;
  let problem: string | null = null;

  const send = async (url: string, text: string): Promise<void> => {
    const { status, headers } = await ports.net({ method: 'POST', url, json: { text } });
    if (status < 200 || status > 299) throw new NotTaken(status, headers['retry-after']);
  };

  const lookNow = async (): Promise<void> => {
    const url = address();
    if (url === undefined || clock.monotonic() < restUntil) return;
    const before = told;
    const found = newsOf(before, ports.notices(), settings.current().notifications);
    try {
      if (found.news.length > 0) {
        await send(url, messageOf(machine, found.news));
        sentAt = new Date(clock.now()).toISOString();
        problem = null;
        ports.onChange();
      }
      // Where another address was set meanwhile, nothing was told to that one yet.
      if (told === before) told = found.told;
    } catch (error) {
      restUntil = clock.monotonic() + (error instanceof NotTaken ? error.restMs : AGAIN_MS);
      problem = problemOf(error, url);
      log.warn('webhook.not_taken', { problem });
      ports.onChange();
    }
  };
  const look = (): Promise<void> => {
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const lookOn = (): void => {
    clearInterval(timer);
    timer = undefined;
    if (address() === undefined) told = new Map();
    else timer = setInterval(() => void look(), lookMs).unref();
  };

  const status = (): WebhookStatus => {
    const url = address();
    return {
      isSet: own().urlSecret !== null,
      host: url === undefined ? null : new URL(url).host,
      sentAt,
      problem: own().urlSecret !== null && url === undefined && !held.waiting() ? whyUnknown(held.problem()) : problem,
      lasting: ports.keychain.lasting,
    };
  };

  return {
    status,
    async set(url) {
      if (url === null) {
        settings.update({ webhook: { urlSecret: null } });
        await held.replace(undefined, () => {}).catch((error: unknown) => log.warn('keychain.problem', { error }));
      } else {
        const wanted = addressOf(url);
        const urlSecret = own().urlSecret ?? URL_SECRET;
        await held.replace(wanted, () => void settings.update({ webhook: { urlSecret } }));
      }
      told = new Map();
      restUntil = 0;
      problem = null;
      lookOn();
      return status();
    },
    async try(given) {
      const url = given === undefined ? address() : addressOf(given);
      if (url === undefined) throw new DrawbridgeError('bad_input', 'No webhook is set. Set its address first.');
      try {
        await send(url, `*Drawbridge on ${plain(machine)}*: a test. Notices come here.`);
        return { taken: true, found: `${new URL(url).host} took a message.` };
      } catch (error) {
        return { taken: false, found: problemOf(error, url) };
      }
    },
    async read() {
      if (own().urlSecret !== null) await held.read();
      lookOn();
    },
    failed: () => own().urlSecret !== null && held.problem() !== null,
    look,
    stop: () => clearInterval(timer),
  };
}

function whyUnknown(keychain: SecretProblem | null): string {
  return keychain === null ? 'The keychain holds no address. Set it anew.' : SECRET_PROBLEMS[keychain];
}

class NotTaken extends Error {
  readonly restMs: number;
  constructor(status: number, retryAfter: string | undefined) {
    const asked = retryAfter !== undefined && /^\d{1,4}$/.test(retryAfter) ? Number(retryAfter) * 1000 : 0;
    const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
    super(
      isRefused
        ? `It answered with status ${status}: the address is wrong, or was taken back. Make another, and set it.`
        : `It answered with status ${status}.`,
    );
    this.restMs = Math.max(asked, isRefused ? REFUSED_MS : AGAIN_MS);
  }
}

/** An error may name where a connection could not be made to, never the path. */
function problemOf(error: unknown, url: string): string {
  if (error instanceof NotTaken) return error.message;
  const { host } = new URL(url);
  return whyUnanswered(error, host) ?? `${host} could not be reached. Check the network.`;
}

/** Throws bad_input. */
function addressOf(given: string): string {
  const url = callableUrl.safeParse(given.trim());
  if (url.success) return url.data;
  throw new DrawbridgeError('bad_input', `The address of the webhook ${url.error.issues[0]?.message ?? 'is wrong'}.`, { key: 'url' });
}

function messageOf(machine: string, news: readonly Notice[]): string {
  return [`*Drawbridge on ${plain(machine)}*`, ...news.map(({ title, cause }) => `• *${plain(title)}.* ${plain(cause)}`)].join('\n');
}

/** What stands between `<` and `>` is a link, or calls everybody; https://docs.slack.dev/messaging/formatting-message-text */
function plain(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
