// Scripts for a page that stands for a window: one for the preload's isolated world. It speaks with the app's process
// through a binding only that world has, in JSON with tags for what JSON does not know.

/** A text form of what Electron would clone. Runs in Node and in the page. */
export function codec() {
  const tag = (t, v) => ({ $t: t, v });
  const enc = (v) => {
    if (v === undefined) return tag('u');
    if (v === null || ['string', 'number', 'boolean'].includes(typeof v)) return v;
    if (v instanceof ArrayBuffer) return tag('a', Array.from(new Uint8Array(v)));
    if (ArrayBuffer.isView(v)) return tag('b', Array.from(new Uint8Array(v.buffer, v.byteOffset, v.byteLength)));
    if (v instanceof Date) return tag('d', v.toISOString());
    if (Array.isArray(v)) return v.map(enc);
    if (typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, enc(x)]));
    throw new Error('An object could not be cloned.');
  };
  const dec = (v) => {
    if (v === null || typeof v !== 'object') return v;
    if (Array.isArray(v)) return v.map(dec);
    if (!('$t' in v)) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, dec(x)]));
    if (v.$t === 'a') return new Uint8Array(v.v).buffer;
    if (v.$t === 'b') return new Uint8Array(v.v);
    return v.$t === 'd' ? new Date(v.v) : undefined;
  };
  return { enc, dec };
}

function isolatedWorld(codecOf, preload, binding) {
  // As Electron does: preloads run in the top frame only.
  if (window !== window.top) return;
  const { enc, dec } = codecOf();
  const native = globalThis[binding];
  const listeners = new Map();
  const ports = new Map();
  const post = (message) => native(JSON.stringify(enc(message)));

  document.addEventListener('__fake:open', ({ detail }) => post({ kind: 'open', message: detail }));

  globalThis.fakeDeliver = (text) => {
    const message = dec(JSON.parse(text));
    if (message.kind === 'port') return void ports.get(message.id)?.postMessage(message.data);
    if (message.kind === 'port-closed') {
      ports.get(message.id)?.close();
      return void ports.delete(message.id);
    }
    const given = message.ports.map((id) => {
      const { port1, port2 } = new MessageChannel();
      port1.addEventListener('message', ({ data }) => post({ kind: 'port', id, data }));
      port1.start();
      ports.set(id, port1);
      return port2;
    });
    for (const listener of listeners.get(message.channel) ?? []) listener({ senderId: 0, ports: given }, ...message.args);
  };

  const ipcRenderer = {
    send: (channel, ...args) => post({ kind: 'send', channel, args }),
    on(channel, listener) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
      return this;
    },
    off(channel, listener) {
      listeners.set(
        channel,
        (listeners.get(channel) ?? []).filter((other) => other !== listener),
      );
      return this;
    },
  };
  // The two worlds meet only through events of the document, as Electron's do through its bridge.
  const contextBridge = {
    exposeInMainWorld(key, api) {
      const names = Object.keys(api);
      for (const name of names) {
        if (typeof api[name] !== 'function') throw new Error('the fake exposes functions only');
        document.addEventListener(`__fake:${key}.${name}`, ({ detail }) => api[name](...detail));
      }
      document.addEventListener('__fake:hello', () => document.dispatchEvent(new CustomEvent('__fake:expose', { detail: { key, names } })));
      document.dispatchEvent(new CustomEvent('__fake:expose', { detail: { key, names } }));
    },
  };
  const require = (id) => {
    if (id === 'electron' || id === 'electron/renderer') return { contextBridge, ipcRenderer };
    throw new Error(`module not found: ${id} (a preload in a sandbox may not require it)`);
  };
  const module = { exports: {} };
  try {
    preload(require, module, module.exports);
  } catch (error) {
    post({ kind: 'preload-error', message: String((error && error.stack) || error) });
  }
}

function pageWorld() {
  if (window !== window.top) return;
  document.addEventListener('__fake:expose', ({ detail: { key, names } }) => {
    if (key in window) return;
    const api = Object.fromEntries(
      names.map((name) => [name, (...detail) => void document.dispatchEvent(new CustomEvent(`__fake:${key}.${name}`, { detail }))]),
    );
    Object.defineProperty(window, key, { value: Object.freeze(api), enumerable: true });
  });
  document.dispatchEvent(new CustomEvent('__fake:hello'));
  // Electron asks before a window is made; Chromium would make it first, and its renderer may crash where it goes at once.
  window.open = (url) => {
    document.dispatchEvent(new CustomEvent('__fake:open', { detail: new URL(url ?? 'about:blank', location.href).href }));
    return null;
  };
}

export const WORLD = 'electron-preload';
export const BINDING = 'fakeIpc';
export const pageScript = `(${String(pageWorld)})()`;
export const isolatedScript = (preload) =>
  `(${String(isolatedWorld)})(${String(codec)}, function (require, module, exports) {${preload}\n}, ${JSON.stringify(BINDING)})`;
