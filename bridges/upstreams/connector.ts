import net from 'node:net';
import buildConnector from 'undici/lib/core/connect.js';
import { beyond, lost, malformed, notReached, ProxyError, refused, silent } from './proxy-error.ts';
import { portOf, proxyFor, type Proxy, type ProxySources } from './proxy.ts';
import { ReplyReader } from './reply-reader.ts';
import { requestHead } from './request-head.ts';
import { isStranger, systemTrusted, trustSystem } from './system-certificates.ts';

export type Connect = (to: Destination, connected: Connected) => void;
type Destination = Parameters<ReturnType<typeof buildConnector>>[0];
type Connected = (error: Error | null, socket?: net.Socket) => void;

export type ConnectorOptions = {
  /** How a name is resolved, where no proxy does it. */
  lookup?: net.LookupFunction | undefined;
  proxies?: (() => ProxySources) | undefined;
};

/** Milliseconds until a connection must be open, whatever stands on its way. */
const CONNECT_MS = 15_000;
const SETTINGS = { timeout: CONNECT_MS, allowH2: false };

/**
 * Opens connections: straight, or through the proxy that is in force at that moment (docs/decisions/0033). Where nobody we
 * know vouches for a certificate, the system's authorities are asked, once.
 */
export function connectorOf({ lookup, proxies }: ConnectorOptions): Connect {
  const connect = buildConnector({ ...SETTINGS, ...(lookup === undefined ? {} : { lookup }) });
  const proxyOf = (to: Destination): Proxy | undefined => (proxies === undefined ? undefined : proxyFor(to, proxies()));
  const openBy = (proxy: Proxy | undefined, to: Destination, connected: Connected): void => {
    if (proxy === undefined) return void connect(to, connected);
    const refusals = proxies?.().refusals;
    const refused = refusals?.of(proxy);
    if (refused !== undefined) return queueMicrotask(() => connected(refused));
    connectThrough(proxy, to, connect, (error, socket) => {
      if (error instanceof ProxyError && error.wantsLogin) refusals?.add(proxy, error);
      else if (socket !== undefined) refusals?.clear(proxy);
      connected(error, socket);
    });
  };
  const open: Connect = (to, connected) => {
    const proxy = proxyOf(to);
    // The keychain may be asking its owner still, and without its password the proxy would refuse.
    const pending = proxy && proxies?.().pending;
    if (pending === undefined) openBy(proxy, to, connected);
    else void pending.then(() => openBy(proxyOf(to), to, connected));
  };
  return (to, connected) => {
    const asked = systemTrusted();
    open(to, (error, socket) => {
      if (asked || !isStranger(error)) return connected(error, socket);
      trustSystem();
      open(to, connected);
    });
  };
}

const connectToProxy = buildConnector(SETTINGS);

/** Asks the proxy for a way to the host itself (RFC 9110, 9.3.6); TLS is spoken with the host, and the proxy can't read it. */
function connectThrough(proxy: Proxy, to: Destination, connect: ReturnType<typeof buildConnector>, connected: Connected): void {
  const name = net.isIPv6(to.hostname) ? `[${to.hostname}]` : to.hostname;
  const host = to.host ?? name;
  let secured: net.Socket | undefined;
  let over = false;
  const finish = (error: Error | null, socket?: net.Socket): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    if (error !== null) {
      secured?.destroy();
      plain.destroy();
    }
    connected(error, socket);
  };
  const timer = setTimeout(() => finish(secured === undefined ? silent(proxy) : lost(proxy, host)), CONNECT_MS).unref();
  const { protocol, hostname, port } = proxy;
  const plain = connectToProxy({ protocol, hostname, port, host: proxy.name }, (error, socket) => {
    if (socket === undefined) return finish(notReached(proxy, error ?? undefined));
    const authority = `${name}:${portOf(to)}`;
    askFor(socket, proxy, authority, (problem) => {
      if (problem !== undefined || over) return finish(problem ?? silent(proxy));
      if (to.protocol !== 'https:') {
        finish(null, socket);
        socket.resume();
        return;
      }
      secured = connect({ ...to, httpSocket: socket }, (error, through) => {
        if (through === undefined) finish(beyond(proxy, host, error ?? undefined));
        else finish(null, through);
      });
    });
  });
}

/** Tells once why there is no way, or nothing where it is open. The socket is left as it was found. */
function askFor(socket: net.Socket, proxy: Proxy, authority: string, answered: (problem?: Error) => void): void {
  const heard: { problem?: Error } = {};
  let received = '';
  const reader = new ReplyReader(
    {
      head(status, headers) {
        const schemes = [headers['proxy-authenticate'] ?? ''].flat().join(', ');
        if (status < 200 || status > 299) heard.problem = refused(proxy, authority, status, schemes);
      },
      piece: () => true,
    },
    // Whatever such a reply says of a body, its connection is ours from here on.
    true,
  );
  const finish = (problem?: Error): void => {
    socket.off('data', onData).off('error', onError).off('close', onClose).off('end', onClose);
    socket.pause();
    answered(problem);
  };
  const onData = (bytes: Buffer): void => {
    received += bytes.toString('latin1');
    reader.read(bytes);
    if (reader.problem !== undefined) return finish(malformed(proxy, reader.problem));
    if (!reader.begun) return;
    // The host speaks second: what is here already does not come from it.
    if (heard.problem === undefined && !received.endsWith('\r\n\r\n')) return finish(malformed(proxy, 'more follows than its headers'));
    finish(heard.problem);
  };
  const onError = (error: Error): void => finish(notReached(proxy, error));
  const onClose = (): void => finish(notReached(proxy, undefined));
  socket.on('data', onData).on('error', onError).on('close', onClose).on('end', onClose);
  const credentials = proxy.authorization === undefined ? [] : ['proxy-authorization', proxy.authorization];
  socket.write(requestHead('CONNECT', authority, authority, credentials, undefined), 'latin1');
}
