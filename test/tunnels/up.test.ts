import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloudflared, hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME, practice, startRig, type ConnectorKind, type Rig } from './rig.ts';

const KINDS: readonly ConnectorKind[] = ['none', 'direct', 'cloudflared'];

describe.each(KINDS)('a tunnel by %s', (kind) => {
  const missing = !hasSsh || !hasOpenssl || !hasCheckTools || (kind === 'cloudflared' && cloudflared === undefined);

  describe.skipIf(missing)('with real parts', () => {
    let rig: Rig;
    let took: number;
    beforeAll(async () => {
      rig = await startRig({ connector: kind });
      took = await rig.up();
    });
    afterAll(() => rig.stop());

    it('is up within 5 s, answering and private', async () => {
      console.log(`| started, by ${kind} | connecting, connected, up | – | ${(took / 1000).toFixed(1)} s |`);
      expect(took).toBeLessThan(5_000);
      const status = await rig.status();
      expect(status).toMatchObject({
        state: 'up',
        cause: null,
        unproven: null,
        marks: { connected: { by: 'ssh' }, answering: { by: 'check' }, private: { by: 'gateway' } },
      });
      expect(status.listens).toEqual([`127.0.0.1:${status.farPort}`]);
    });

    it('carries a call, counts it, and shows it under the tunnel’s name', async () => {
      const before = (await rig.status()).traffic;
      const answer = await call(await rig.far(), '/v1/chat/completions', { key: rig.key, body: practice('over the bridge') });
      expect(answer.status).toBe(200);
      expect(answer.body).toContain('over the bridge');
      expect(answer.headers['x-drawbridge-tunnel']).toBe(NAME);
      expect(answer.headers['x-drawbridge-far-port']).toBe(String((await rig.status()).farPort));
      expect(await rig.engine.call((row) => row.caller === `tunnel ${NAME}`)).toMatchObject({ status: 200, upstream: 'practice' });
      const after = (await rig.status()).traffic;
      expect(after.total).toBeGreaterThan(before.total);
      expect(after.bytesIn).toBeGreaterThan(before.bytesIn);
      expect(after.bytesOut).toBeGreaterThan(before.bytesOut);
    });

    it('lets a stream through event by event, and a hang-up reaches the companion', async () => {
      const chunks: number[] = [];
      const cut = Promise.withResolvers<void>();
      const words = Array.from({ length: 400 }, (_, i) => `word${i}`).join(' ');
      const request = http.request(`${await rig.far()}/v1/chat/completions`, {
        method: 'POST',
        agent: false,
        headers: { authorization: `Bearer ${rig.key}`, 'content-type': 'application/json', 'user-agent': 'curl/8' },
      });
      request.once('error', () => cut.resolve());
      request.once('response', (reply) => {
        reply.on('data', () => {
          chunks.push(performance.now());
          if (chunks.length === 10) request.destroy();
        });
        reply.once('close', () => cut.resolve());
        reply.on('error', () => {});
      });
      request.end(JSON.stringify(practice(words, true)));
      await cut.promise;
      expect(chunks).toHaveLength(10);
      expect((chunks.at(-1) ?? 0) - (chunks[0] ?? 0)).toBeGreaterThan(50);
      expect(await rig.engine.call((row) => row.caller === `tunnel ${NAME}` && row.cut)).toMatchObject({ streamed: true });
    });

    it('carries a thousand streams at once', async () => {
      const far = await rig.far();
      const one = () => call(far, '/v1/chat/completions', { key: rig.key, body: practice('one two three', true), timeoutMs: 30_000 });
      const answers = await Promise.all(Array.from({ length: 1_000 }, one));
      expect(answers.filter(({ status, body }) => status === 200 && body.endsWith('data: [DONE]\n\n'))).toHaveLength(1_000);
      expect((await rig.status()).traffic.peak).toBeGreaterThan(100);
      // The log still tells how the session came up.
      expect(JSON.stringify(await rig.engine.control.tunnels.logs({ name: NAME }))).toContain('remote forward success');
    }, 60_000);

    it('wants the tunnel’s own key, and a far port’s Host', async () => {
      const far = await rig.far();
      const body = practice('x');
      expect((await call(far, '/v1/chat/completions', { body })).status).toBe(401);
      expect((await call(far, '/v1/chat/completions', { key: rig.engine.key, body })).status).toBe(401);
      expect((await call(rig.engine.origin, '/v1/chat/completions', { key: rig.key, body })).status).toBe(401);
      for (const host of [`127.0.0.1:${rig.engine.port}`, `localhost:${new URL(far).port}`, 'evil.com', `127.0.0.1:1`]) {
        expect((await call(far, '/v1/chat/completions', { key: rig.key, body, headers: { host } })).status).toBe(421);
      }
      expect((await call(far, '/v1/chat/completions', { key: rig.key, body, headers: { origin: 'https://evil.com' } })).status).toBe(403);
    });

    it('proves to the gateway that it leads to this engine', async () => {
      const far = await rig.far();
      const nonce = 'n'.repeat(32);
      const answer = JSON.parse((await call(far, `/.drawbridge/proof?nonce=${nonce}`)).body);
      const digest = createHash('sha256').update(rig.key).digest();
      const text = `drawbridge proof\n${NAME}\n${new URL(far).port}\n${nonce}`;
      expect(answer.proof).toBe(createHmac('sha256', digest).update(text).digest('hex'));
      expect((await call(far, '/.drawbridge/proof?nonce=short')).status).toBe(400);
      expect((await rig.status()).marks.answering).toMatchObject({ by: 'gateway' });
    });
  });
});
