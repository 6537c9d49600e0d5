import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { breakOff } from '../../bridges/companion/forward.ts';
import { startListener } from '../../bridges/http/listener.ts';

it('a reply on a private socket is broken off after what was written, whatever its client speaks', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'db-off-'));
  const listener = await startListener({
    port: 0,
    socket: path.join(folder, 's'),
    onlyHosts: ['there'],
    limits: { headersMs: 1_000, connections: 10 },
    serve(_req, res) {
      res.write('the beginning');
      breakOff(res);
    },
    renderError: ({ status, code }) => ({ status, headers: {}, body: code }),
  });
  for (const version of ['1.0', '1.1']) {
    const socket = net.connect(listener.address);
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.write(`GET / HTTP/${version}\r\nhost: there\r\n\r\n`);
    await once(socket, 'close');
    expect(got).toMatch(/the beginning(?:\r\n)?$/);
  }
  await listener.stop(0);
  rmSync(folder, { recursive: true });
});
