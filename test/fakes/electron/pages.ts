import { readFileSync } from 'node:fs';
import { chromium, type Browser, type CDPSession, type Page, type Route } from 'playwright-core';
import { preventable } from './emitter.ts';
import { HandedOver, type MessagePortMain } from './ports.ts';
import { changed, seen } from './state.ts';
import { BINDING, codec, isolatedScript, pageScript, WORLD } from './worlds.js';

/** Windows as real Chromium pages. */

type Handler = (request: Request) => Response | Promise<Response>;
export const schemes = new Map<string, Handler>();
const text = codec();

/** `app://host/path` can't be in plain Chromium; `http://host.app.localhost/path` is the nearest secure origin. */
const toPage = (url: string): string =>
  url.replace(/^([a-z][a-z0-9+.-]*):\/\/([^/]+)/, (all, scheme: string, host: string) =>
    schemes.has(scheme) ? `http://${host}.${scheme}.localhost` : all,
  );
const fromPage = (url: string): string => url.replace(/^http:\/\/([^/]+)\.([^./]+)\.localhost(?=\/|$)/, '$2://$1');

let browser: Promise<Browser> | undefined;
const connected = (): Promise<Browser> => (browser ??= chromium.connectOverCDP(process.env['FAKE_ELECTRON_CHROMIUM'] ?? ''));

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
}

type Frame = { url: string; origin: string; parent: string | undefined };
export type Sender = { origin: string; url: string; parent: Sender | null };

type Listeners = {
  onSend(frame: Sender | null, channel: string, args: unknown[]): void;
  onNavigate(mainFrame: boolean): void;
  /** True lets it happen. */
  mayNavigate(url: string, mainFrame: boolean): boolean;
  onPopup(url: string): void;
};

/** One page, with its preload in a world of its own. */
export class RealPage {
  readonly ready: Promise<Page>;
  target = '';
  #page: Page | undefined;
  #cdp: CDPSession | undefined;
  #closed = false;
  #wanted: string | undefined;
  #stead: string | undefined;
  readonly #frames = new Map<string, Frame>();
  readonly #worlds = new Map<number, string>();
  #main = '';
  #queue: Promise<unknown> = Promise.resolve();
  readonly #ports = new HandedOver((message) => this.#deliver(message));
  readonly #on: Listeners;

  constructor(preload: string | undefined, size: { width: number; height: number }, on: Listeners) {
    this.#on = on;
    this.ready = this.#open(preload, size);
  }

  url(): string {
    return fromPage(this.#page?.url() ?? '');
  }

  /** Goes there as the app itself does, without asking anybody. `html` stands in for a page from elsewhere. */
  async load(url: string, html?: string): Promise<void> {
    const page = await this.ready;
    this.#wanted = toPage(url);
    this.#stead = html;
    await page.goto(this.#wanted);
    changed();
  }

  send(channel: string, args: unknown[], ports: MessagePortMain[]): void {
    this.#deliver({ kind: 'event', channel, args, ports: ports.map((port) => this.#ports.take(port)) });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ports.closeAll();
    await (await this.ready.catch(() => undefined))?.close().catch(() => {});
  }

  async #open(preload: string | undefined, size: { width: number; height: number }): Promise<Page> {
    const context = (await connected()).contexts()[0];
    if (context === undefined) throw new Error('the browser has no context to open windows in');
    const page = await context.newPage();
    this.#page = page;
    await page.setViewportSize(size);
    await page.route('**/*', (route) => this.#serve(route));
    const cdp = await context.newCDPSession(page);
    this.#cdp = cdp;
    cdp.on('Page.frameNavigated', ({ frame }) => {
      this.#frames.set(frame.id, { url: fromPage(frame.url), origin: fromPage(frame.securityOrigin), parent: frame.parentId });
      changed();
    });
    cdp.on('Runtime.executionContextCreated', ({ context: made }) => {
      const frame: unknown = made.auxData?.['frameId'];
      if (made.name === WORLD && typeof frame === 'string') this.#worlds.set(made.id, frame);
    });
    cdp.on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      // A page that goes takes its ports with it.
      if (this.#worlds.delete(executionContextId)) this.#ports.closeAll();
    });
    cdp.on('Runtime.bindingCalled', ({ payload, executionContextId }) => this.#heard(payload, executionContextId));
    await cdp.send('Page.enable');
    const { frameTree } = await cdp.send('Page.getFrameTree');
    this.#main = frameTree.frame.id;
    this.target = this.#main;
    await cdp.send('Runtime.enable');
    await cdp.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD });
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: pageScript });
    if (preload !== undefined) {
      const source = isolatedScript(readFileSync(preload, 'utf8'));
      await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName: WORLD });
    }
    cdp.on('Page.windowOpen', ({ url }) => this.#on.onPopup(fromPage(url)));
    page.on('popup', (popup) => void popup.close().catch(() => {}));
    return page;
  }

  async #serve(route: Route): Promise<void> {
    const request = route.request();
    const url = fromPage(request.url());
    const own = request.url() === this.#wanted;
    if (request.isNavigationRequest() && !own) {
      const mainFrame = request.frame().parentFrame() === null;
      if (!this.#on.mayNavigate(url, mainFrame)) {
        seen.prevented.push(url);
        changed();
        return route.abort('aborted');
      }
    }
    if (request.isNavigationRequest()) this.#on.onNavigate(request.frame().parentFrame() === null);
    if (own && this.#stead !== undefined) return route.fulfill({ contentType: 'text/html', body: this.#stead });
    const handler = schemes.get(url.slice(0, url.indexOf(':')));
    if (handler === undefined) {
      seen.blocked.push(url);
      changed();
      return route.abort();
    }
    const response = await handler(new Request(url, { method: request.method(), headers: await request.allHeaders() }));
    return route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    });
  }

  /** Sends to the preload of the page that is in the window now. In order. */
  #deliver(message: object): void {
    const json = JSON.stringify(JSON.stringify(text.enc(message)));
    this.#queue = this.#afterQueue(json);
  }
  async #afterQueue(json: string): Promise<void> {
    const before = this.#queue;
    await before;
    await this.ready;
    const world = [...this.#worlds].findLast(([, frame]) => frame === this.#main)?.[0];
    if (world === undefined || this.#closed) return;
    await this.#cdp?.send('Runtime.evaluate', { contextId: world, expression: `fakeDeliver(${json})` }).catch(() => {});
  }

  #heard(payload: string, world: number): void {
    const message = text.dec(JSON.parse(payload)) as {
      kind: string;
      id: number;
      channel: string;
      args: unknown[];
      data?: unknown;
      message: string;
    };
    if (message.kind === 'open') this.#on.onPopup(fromPage(message.message));
    else if (message.kind === 'preload-error') seen.preloadErrors.push(message.message);
    else if (message.kind === 'send') this.#on.onSend(this.#sender(this.#worlds.get(world)), message.channel, message.args);
    else this.#ports.heard(message);
  }

  #sender(id: string | undefined): Sender | null {
    const frame = id === undefined ? undefined : this.#frames.get(id);
    return frame === undefined ? null : { url: frame.url, origin: frame.origin, parent: this.#sender(frame.parent) };
  }
}

/** Asks the listeners of an event whether it may happen. */
export function allowed<T extends object>(emit: (event: T & { preventDefault(): void }) => void, details: T): boolean {
  const event = preventable(details);
  emit(event);
  return !event.defaultPrevented;
}
