import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { isStranger, ownerOf } from '../../../bridges/hosts/peer.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const row = (local: string, remote: string, state: string, uid: number): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 52 1 0000 20 4 30 10 -1`;
const peer = { address: '127.0.0.1', port: 0xd431 };
const PORT = 0x2cab;

describe('the user at the far end of a connection', () => {
  it.each([
    ['over IPv4', row('0100007F:D431', '0100007F:2CAB', '01', 1001)],
    ['who sends nothing more, but reads', row('0100007F:D431', '0100007F:2CAB', '05', 1001)],
    ['over IPv4 from a socket of IPv6', row('0000000000000000FFFF00000100007F:D431', '0000000000000000FFFF00000100007F:2CAB', '01', 1001)],
  ])('is who owns the socket there: %s', (_how, line) => {
    expect(ownerOf(peer, PORT, [HEAD, `${HEAD}\n${line}`])).toBe(1001);
  });

  it.each([
    ['our own end', row('0100007F:2CAB', '0100007F:D431', '01', 1000)],
    ['another address', row('0200007F:D431', '0100007F:2CAB', '01', 1002)],
    ['another port', row('0100007F:D432', '0100007F:2CAB', '01', 1002)],
    ['a connection to another port', row('0100007F:D431', '0100007F:2CAC', '01', 1002)],
    ['one that has ended', row('0100007F:D431', '0100007F:2CAB', '06', 0)],
    ['nothing', ''],
  ])('is not known from %s', (_what, line) => {
    expect(ownerOf(peer, PORT, [`${HEAD}\n${line}`])).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('is found for a connection that is there, and is no stranger', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const client = net.connect(port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    const far = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    expect(ownerOf(far, port)).toBe(process.getuid?.());
    expect(isStranger(far, port)).toBe(false);
    client.destroy();
    server.close();
  });

  // Only root may act as somebody else.
  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)('is no stranger where they became root to start us', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const browser = spawn('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3`], { uid: 65_534, gid: 65_534, cwd: '/' });
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    const far = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    expect(isStranger(far, port, 0, '65534')).toBe(false);
    expect(isStranger(far, port, 0, '1000')).toBe(true);
    expect(isStranger(far, port, 1000, '65534')).toBe(true);
    browser.kill();
    socket.destroy();
    server.close();
  });
});
